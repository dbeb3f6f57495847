import type { ReadOnlyTurns } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { execIn } from './bounded-exec.js';
import { ENVIRONMENTS_PATH } from './container-spec.js';

/** In the agents' image: runs a command that can change no file. */
export const HOLDER = 'codex-mcp-read-only';

/** Ends with 0 only where the holder is there and holds. */
const PROBE = [HOLDER, 'sh', '-c', 'touch "$1" 2>/dev/null && exit 1 || exit 0', 'sh', '/tmp/codex-mcp-probe'];

/** An agent that runs can hold up what is asked in its container. */
const GIVE_UP_MS = 30_000;

/** Whether the engine, its kernel and the image let a turn be held back from changing anything: seen by trying. */
export class ReadOnlyProbe {
  private readonly known = new Map<string, ReadOnlyTurns>();

  constructor(
    private readonly docker: Docker,
    private readonly logger: Logger,
    private readonly giveUpMs = GIVE_UP_MS,
  ) {}

  /**
   * What holds for a running container. `isFresh`: nothing of the agent's has run in it yet, so that what is seen there
   * holds for the image; otherwise it is believed of this container alone.
   */
  async of({ Id, Image, Mounts }: ContainerInspectInfo, isFresh: boolean): Promise<ReadOnlyTurns> {
    // One of an earlier version, which runs until its next start.
    if (!Mounts.some(({ Destination }) => Destination === ENVIRONMENTS_PATH)) return 'compared';
    const known = this.known.get(Image) ?? this.known.get(Id);
    if (known) return known;
    const found = await this.look(Id).catch((error: unknown) => ({ seen: String(error), isEnforced: undefined }));
    const turns = found.isEnforced ? 'enforced' : 'compared';
    if (!found.isEnforced) this.logger.warn({ op: 'agent.read_only', image: Image, seen: found.seen.slice(-500) }, 'read-only turns are not held back from writing: they are compared with what was there before');
    if (found.isEnforced !== undefined) this.known.set(isFresh ? Image : Id, turns);
    return turns;
  }

  private async look(id: string): Promise<{ isEnforced: boolean; seen: string }> {
    const { exitCode, stdout, stderr } = await execIn(this.docker, this.docker.getContainer(id), PROBE, this.giveUpMs);
    return { isEnforced: exitCode === 0, seen: stdout + stderr };
  }
}
