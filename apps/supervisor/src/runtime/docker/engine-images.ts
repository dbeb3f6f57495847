import { AppError, BASE_IMAGE, type Placement } from '@codex-mcp/contracts';
import type Docker from 'dockerode';
import { type AgentImages, notAllowed, notBuilt, outdated } from './agent-images.js';
import { isNotFound, toEngineError } from './docker.errors.js';

/** `told`: its name, and the one that was asked for in vain. */
export type EngineImage = { id: string; reference: string; told: NonNullable<Placement['image']> };

/** The images of this engine that agents may run in. */
export class EngineImages {
  constructor(
    private readonly docker: Docker,
    private readonly options: { image: string; images: AgentImages },
  ) {}

  /** Throws `engine_unavailable` where it is missing. */
  async base() {
    const { image: reference } = this.options;
    const found = await this.find(reference);
    if (found) return { ...found, reference, told: { name: BASE_IMAGE } };
    throw new AppError('engine_unavailable', `The agent image ${reference} is not on this engine. Build it with \`node tools/images/build.js agent\`, or set AGENT_IMAGE.`);
  }

  /** What a name stands for; the base, with the reason, where that cannot be had. */
  async choose(name = BASE_IMAGE): Promise<EngineImage> {
    const base = await this.base();
    if (name === BASE_IMAGE) return base;
    const refused = (why: string): EngineImage => ({ ...base, told: { name: BASE_IMAGE, refused: { name, why } } });
    const reference = this.options.images.get(name);
    if (reference === undefined) return refused(notAllowed(name, this.options.images));
    const found = await this.find(reference);
    if (!found) return refused(notBuilt(name, reference));
    if (found.codexVersion !== base.codexVersion) return refused(outdated(name, reference));
    return { ...found, reference, told: { name } };
  }

  private async find(reference: string): Promise<{ id: string; codexVersion: string | undefined } | undefined> {
    try {
      const { Id: id, Config } = await this.docker.getImage(reference).inspect();
      return { id, codexVersion: Config.Labels?.['codex-mcp.codex-version'] };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      return toEngineError(error);
    }
  }
}
