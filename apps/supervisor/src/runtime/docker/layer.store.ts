import { AppError } from '@codex-mcp/contracts';
import { baseTree } from '@codex-mcp/snapshots';
import type Docker from 'dockerode';
import type { VolumeInspectInfo } from 'dockerode';
import type { AgentSpec } from '../agent-runtime.port.js';
import type { BaseSource } from './base-spec.js';
import type { BaseStore } from './base.store.js';
import { type ContainerLimits, labelsOf, LABELS, type Layer, type LayerNames, namesOf, newVolumeMount, WORKSPACE_PATH } from './container-spec.js';
import { ignoreNotFound, isNotFound } from './docker.errors.js';
import { isLarge } from './large-directory.js';

/** Characters that mean something else in the options of a mount. */
const PLAIN_PATH = /^[\w./@+-]+$/;

export type LaidWorkspace = Layer & { isNew: boolean };

/**
 * Workspaces of agents that are laid over a base by the engine's own volume driver: what an agent changes is in volumes
 * of its own (`upper`; `work` is the file system's), and `tree` names the two together. None of them is ever seen apart.
 */
export class LayerStore {
  /** The engine has shown that it cannot. */
  private isRefused = false;

  constructor(
    private readonly docker: Docker,
    private readonly bases: BaseStore,
    private readonly limits: ContainerLimits,
  ) {}

  /** What the agent has, or a new one where that is of use; undefined where the workspace is to be a copy. `path` is the directory as this process knows it. */
  async of(spec: AgentSpec, source: BaseSource, path: string): Promise<LaidWorkspace | undefined> {
    const names = namesOf(this.limits.deployment, spec.agent.key);
    const layer = names.layerVolumes(source.directory);
    const [copy, upper, tree] = await Promise.all([names.copyVolume(source.directory), layer.upper, layer.tree].map((name) => this.inspect(name)));
    if (copy) return undefined;
    const base = upper?.Labels?.[LABELS.laidOver];
    if (base !== undefined) {
      await this.mountpoint(base);
      if (!tree) await this.make(spec, layer, base);
      return { tree: layer.tree, base, isNew: false };
    }
    if (this.isRefused || !(await isLarge(path))) return undefined;
    const newest = await this.bases.newest(source);
    return newest !== undefined && (await this.make(spec, layer, newest)) ? { tree: layer.tree, base: newest, isNew: true } : undefined;
  }

  /** Call when the engine could not mount a new one; agents get copies from now on. */
  async giveUp(spec: AgentSpec, directory: string): Promise<void> {
    this.isRefused = true;
    const { tree, upper, work } = namesOf(this.limits.deployment, spec.agent.key).layerVolumes(directory);
    for (const name of [tree, upper, work]) await this.docker.getVolume(name).remove().catch(ignoreNotFound);
  }

  /** False where the engine's paths do not fit into a mount's options. */
  private async make(spec: AgentSpec, { tree, upper, work }: LayerNames, base: string): Promise<boolean> {
    const lower = baseTree(await this.mountpoint(base));
    if (!PLAIN_PATH.test(lower)) return false;
    const labels = { ...labelsOf(this.limits.deployment, spec), [LABELS.laidOver]: base };
    await this.makeUpper(spec, { upper, work }, labels);
    const [upperAt, workAt] = await Promise.all([this.mountpoint(upper), this.mountpoint(work)]);
    // With redirects a directory can be renamed as anywhere else.
    const o = `lowerdir=${lower},upperdir=${upperAt},workdir=${workAt},redirect_dir=on`;
    await this.docker.createVolume({ Name: tree, Driver: 'local', DriverOpts: { type: 'overlay', device: 'overlay', o }, Labels: labels });
    return true;
  }

  /** Only the making of a container gives a volume the owner and mode that the image has for it; this one never runs. */
  private async makeUpper(spec: AgentSpec, { upper, work }: Omit<LayerNames, 'tree'>, labels: Record<string, string>): Promise<void> {
    const name = `${namesOf(this.limits.deployment, spec.agent.key).container}-layer`;
    await this.docker.getContainer(name).remove({ force: true }).catch(ignoreNotFound); // one that a killed supervisor has left
    const Mounts = [newVolumeMount(upper, WORKSPACE_PATH, labels), newVolumeMount(work, '/codex-home', labels)];
    const container = await this.docker.createContainer({ name, Image: this.limits.image, Labels: labelsOf(this.limits.deployment, spec), HostConfig: { NetworkMode: 'none', Mounts } });
    await container.remove({ force: true });
  }

  private async mountpoint(volume: string): Promise<string> {
    const found = await this.inspect(volume);
    if (!found) throw new AppError('agent_start_failed', `The files that the agent’s workspace is laid over are gone (volume ${volume}). Remove the agent (cleanup_inactive_agents) and call again.`);
    return found.Mountpoint;
  }

  private async inspect(volume: string): Promise<VolumeInspectInfo | undefined> {
    return this.docker.getVolume(volume).inspect().catch((error: unknown) => (isNotFound(error) ? undefined : Promise.reject(error)));
  }
}
