import { AppError } from '@codex-mcp/contracts';
import { baseTree } from '@codex-mcp/snapshots';
import type Docker from 'dockerode';
import type { VolumeInspectInfo } from 'dockerode';
import type { AgentSpec } from '../agent-runtime.port.js';
import type { BaseSource } from './base-spec.js';
import type { BaseStore } from './base.store.js';
import { type ContainerLimits, labelsOf, LABELS, type Layer, type LayerNames, namesOf, newVolumeMount, WORKSPACE_PATH } from './container-spec.js';
import { ignoreNotFound, isConflict, isNotFound } from './docker.errors.js';
import { isLarge } from './large-directory.js';

/** Characters that mean something else in the options of a mount. */
const PLAIN_PATH = /^[\w./@+-]+$/;

/** Whether a volume of an agent's only joins others. */
export const isTree = (volume: string): boolean => /-[0-9a-f]{16}-tree-[0-9a-f]{12}-[0-9a-z]+$/.test(volume);

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
    const [copy, upper] = await Promise.all([names.copyVolume(source.directory), layer.upper].map((name) => this.inspect(name)));
    if (copy) return undefined;
    const { [LABELS.laidOver]: base, [LABELS.joinedBy]: tree } = upper?.Labels ?? {};
    if (base !== undefined && tree !== undefined) {
      await this.mountpoint(base);
      if (!(await this.inspect(tree))) await this.make(spec, { ...layer, tree }, base);
      return { tree, base, isNew: false };
    }
    if (this.isRefused || !(await isLarge(path))) return undefined;
    const newest = await this.bases.newest(source);
    // A name of its own, as an engine may hold on to an earlier one.
    const joined = { ...layer, tree: `${layer.tree}-${Date.now().toString(36)}` };
    return newest !== undefined && (await this.make(spec, joined, newest)) ? { tree: joined.tree, base: newest, isNew: true } : undefined;
  }

  /**
   * Removes those of the volumes that only join others. Docker 20.10 takes them for mounted after it was restarted under a
   * running container; they hold nothing, and `tidy` tries again.
   */
  async removeTrees(volumes: string[]): Promise<void> {
    for (const name of volumes.filter(isTree)) await this.docker.getVolume(name).remove().catch((error: unknown) => (isConflict(error) ? undefined : ignoreNotFound(error)));
  }

  /** Removes what joins volumes that are gone. */
  async tidy(): Promise<void> {
    const { Volumes } = await this.docker.listVolumes({ filters: { label: [`${LABELS.deployment}=${this.limits.deployment}`, LABELS.laidOver] } });
    const joining = new Set(Volumes.flatMap(({ Labels }) => Labels?.[LABELS.joinedBy] ?? []));
    await this.removeTrees(Volumes.map(({ Name }) => Name).filter((name) => !joining.has(name)));
  }

  /** Call when the engine could not mount a new one; agents get copies from now on. */
  async giveUp(spec: AgentSpec, directory: string): Promise<void> {
    this.isRefused = true;
    const { upper, work } = namesOf(this.limits.deployment, spec.agent.key).layerVolumes(directory);
    await this.removeTrees([(await this.inspect(upper))?.Labels?.[LABELS.joinedBy] ?? '']);
    for (const name of [upper, work]) await this.docker.getVolume(name).remove().catch(ignoreNotFound);
  }

  /** False where the engine's paths do not fit into a mount's options. */
  private async make(spec: AgentSpec, { tree, upper, work }: LayerNames, base: string): Promise<boolean> {
    const lower = baseTree(await this.mountpoint(base));
    if (!PLAIN_PATH.test(lower)) return false;
    const labels = { ...labelsOf(this.limits.deployment, spec), [LABELS.laidOver]: base };
    await this.makeUpper(spec, { upper, work }, { ...labels, [LABELS.joinedBy]: tree });
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
