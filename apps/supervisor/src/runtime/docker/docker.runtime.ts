import { chmod, chown, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderAgentConfig, renderAgentEnvironments } from '@codex-mcp/codex';
import { AppError, CONTAINER_GATEWAY_URL, type EgressView, NO_EGRESS, runPaths, type AgentIdentity, type AgentUsage, type Workspace } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import type Docker from 'dockerode';
import type { ContainerInspectInfo } from 'dockerode';
import { z } from 'zod';
import type { GatewayClient } from '../../gateway/gateway.client.js';
import { type AgentRuntime, type AgentSpec, type AppServerSocket, type DiskUsage, type KnownAgent, type Remains, type RunningAgent, hostPathOf, sameWorkspace } from '../agent-runtime.port.js';
import { waitForAppServer } from '../app-server.socket.js';
import type { AgentImages } from './agent-images.js';
import { BaseStore } from './base.store.js';
import { BASE_PATH, CODEX_HOME_PATH, type ContainerLimits, containerSpec, type ContainerUser, LABELS, namesOf, type SharedCache, SOCKET_NAME, SOURCE_PATH, STATE_PATH, volumePrefix, WORKSPACE_PATH, workspaceOf } from './container-spec.js';
import { diskUsageOf, freeBytesOf } from './disk-usage.js';
import { ignoreNotFound, isNotFound, isNotModified, isRefusal, toEngineError } from './docker.errors.js';
import { remainsOf } from './docker-survey.js';
import { type EngineImage, EngineImages } from './engine-images.js';
import type { EnginePaths } from './engine-paths.js';
import { proxyEnvironment } from './proxy-environment.js';
import { usageOf } from './container-usage.js';
import { isTree, type LaidWorkspace, LayerStore } from './layer.store.js';
import { CACHE_ENVIRONMENT, type CacheUser, sharedCache, SharedCacheStore } from './shared-cache.store.js';
import { HOLDER, ReadOnlyProbe } from './read-only.probe.js';
import { giveVolumesTo, removeSockets } from './volume-owner.js';

const START_TIMEOUT_MS = 30_000;
/** The image's own user, for a supervisor that runs as root. */
const IMAGE_UID = 10_001;

export type DockerRuntimeOptions = ContainerLimits & { runDir: string; model: string; images: AgentImages; sharesCaches: boolean };

const DataRoot = z.object({ DockerRootDir: z.string() });

type Found = { container: ContainerInspectInfo; user: ContainerUser; layer?: LaidWorkspace | undefined };

/** Agents as containers. The engine and its labels are the truth; nothing is remembered here. */
export class DockerRuntime implements AgentRuntime {
  readonly name = 'docker';
  private readonly bases: BaseStore;
  private readonly layers: LayerStore;
  private readonly images: EngineImages;
  private readonly caches: SharedCacheStore;
  private dataRoot: string | undefined;
  private readonly readOnly: ReadOnlyProbe;

  constructor(
    private readonly docker: Docker,
    private readonly paths: EnginePaths,
    private readonly gateway: GatewayClient,
    logger: Logger,
    private readonly options: DockerRuntimeOptions,
  ) {
    this.bases = new BaseStore(docker, logger, options);
    this.layers = new LayerStore(docker, this.bases, options);
    this.images = new EngineImages(docker, options);
    this.caches = new SharedCacheStore(docker, options.deployment);
    this.readOnly = new ReadOnlyProbe(docker, logger);
  }

  async check(): Promise<void> {
    await this.docker.ping().catch(toEngineError);
    await this.images.base();
  }

  async ensure(spec: AgentSpec): Promise<RunningAgent> {
    const { gitHosts = [], egress = NO_EGRESS } = await this.gateway.register({ agent: spec.agent, transport: 'unix', egress: spec.egress });
    const image = await this.images.choose(spec.image);
    const { container, user, layer } = await this.container(spec, image, egress).catch(toEngineError);
    const socket = this.socketPath(spec.agent, user.uid);
    const isFresh = !container.State.Running;
    if (isFresh) {
      await rm(socket.path, { force: true });
      const problem = await this.docker.getContainer(container.Id).start().then(() => undefined, (error: unknown) => error);
      if (problem !== undefined && layer?.isNew && isRefusal(problem)) return this.ensureCopy(spec, container.Id);
      if (problem !== undefined) toEngineError(problem);
    }
    const readOnlyTurns = this.readOnly.of(container, isFresh);
    try {
      await waitForAppServer(socket, START_TIMEOUT_MS, () => this.mustBeAlive(container.Id));
    } catch (error) {
      await this.stop(spec.agent).catch(() => undefined); // or the engine would restart it for ever
      throw error;
    }
    const [source, base] = [SOURCE_PATH, BASE_PATH].map((path) => (container.Mounts.some(({ Destination }) => Destination === path) ? path : undefined));
    return { runtimeId: container.Id, workspace: spec.workspace, cwd: WORKSPACE_PATH, source, base, stateDir: STATE_PATH, codexHome: CODEX_HOME_PATH, sandbox: 'external', readOnlyTurns: await readOnlyTurns, image: image.told, gitHosts, egress, createdAt: Date.parse(container.Created) };
  }

  async tidy(): Promise<void> {
    await this.layers.tidy().catch(toEngineError);
    await this.bases.tidy().catch(toEngineError);
    await this.tidyCaches();
  }

  async list(): Promise<KnownAgent[]> {
    return (await this.survey(false)).flatMap(({ known }) => known ?? []);
  }

  async survey(withVolumes = true): Promise<Remains[]> {
    const { deployment } = this.options;
    const filters = { label: [`${LABELS.deployment}=${deployment}`] };
    const [containers, volumes] = await Promise.all([
      this.docker.listContainers({ all: true, filters }),
      withVolumes ? this.docker.listVolumes({ filters: { name: [volumePrefix(deployment)] } }) : undefined,
    ]).catch(toEngineError);
    return remainsOf(deployment, containers, volumes?.Volumes ?? []);
  }

  async endDouble(id: string): Promise<void> {
    await this.discard(id);
  }

  async socketOf(agent: AgentIdentity): Promise<AppServerSocket> {
    const found = await this.inspect(agent);
    if (!found?.State.Running) throw new AppError('agent_start_failed', 'The agent is not running.');
    return this.socketPath(agent, uidOf(found));
  }

  async stop(agent: AgentIdentity, how?: 'at_once'): Promise<boolean> {
    try {
      await this.docker.getContainer(this.names(agent).container).stop(how && { t: 0 });
      return true;
    } catch (error) {
      if (isNotModified(error) || isNotFound(error)) return false;
      return toEngineError(error);
    }
  }

  async remove(agent: AgentIdentity): Promise<boolean> {
    const names = this.names(agent);
    const removed = await this.discard(names.container);
    const volumes = await this.volumesOf(names.container);
    await this.layers.removeTrees(volumes);
    for (const volume of volumes.filter((name) => !isTree(name))) await this.docker.getVolume(volume).remove().catch(ignoreNotFound);
    await this.tidyCaches();
    await this.gateway.unregister(agent);
    await rm(runPaths.agent(this.options.runDir, agent.key), { recursive: true, force: true });
    return removed;
  }

  async usage(agent: AgentIdentity): Promise<AgentUsage> {
    const container = this.docker.getContainer(this.names(agent).container);
    return usageOf(await container.stats({ stream: false, 'one-shot': false }).catch(toEngineError));
  }

  async diskUsage(agent: AgentIdentity): Promise<DiskUsage | undefined> {
    const found = await this.inspect(agent);
    if (!found?.State.Running) return undefined;
    // A directory of the host is its owner's, whoever fills it.
    const files = { isOwnWorkspace: workspaceOf(found.Config.Labels).kind !== 'host', isLaid: found.Mounts.some(({ Destination }) => Destination === BASE_PATH) };
    return diskUsageOf(this.docker, this.docker.getContainer(found.Id), files).catch(toEngineError);
  }

  async freeDiskBytes(): Promise<number | undefined> {
    this.dataRoot ??= DataRoot.parse(await this.docker.info().catch(toEngineError)).DockerRootDir;
    // In compose, the sockets' directory is a volume of the engine's.
    return freeBytesOf(this.dataRoot, this.options.runDir);
  }

  /** The agent's home, its own workspace, and its copies of host directories. */
  private async volumesOf(container: string): Promise<string[]> {
    const { Volumes } = await this.docker.listVolumes({ filters: { name: [`${container}-`] } }).catch(toEngineError);
    return Volumes.map(({ Name }) => Name).filter((name) => name.startsWith(`${container}-`));
  }

  private names(agent: AgentIdentity) {
    return namesOf(this.options.deployment, agent.key);
  }

  private socketPath(agent: AgentIdentity, uid: number): AppServerSocket {
    return { path: join(runPaths.agentAppServer(this.options.runDir, agent.key), SOCKET_NAME), uid };
  }

  /** The agent's container, made anew when its workspace, image or user is not what it should be now. Volumes stay. */
  private async container(spec: AgentSpec, image: EngineImage, egress: EgressView): Promise<Found> {
    const [found, user] = await Promise.all([this.inspect(spec.agent), userFor(spec.workspace)]);
    // What runs is replaced only for what it cannot do without; other settings hold from its next start.
    if (found?.State.Running && isCurrent(found, spec, image.id, user)) return { container: found, user };
    const { runDir: _runDir, model: _model, images: _images, sharesCaches: _sharesCaches, ...limits } = this.options;
    const cache = this.cacheOf(spec, user);
    const [layer, hostPaths] = await Promise.all([this.layer(spec, user), this.prepareFiles(spec, user, { ...(cache && CACHE_ENVIRONMENT), ...proxyEnvironment(egress) })]);
    const wanted = containerSpec({ spec, user, hostPaths, layer, cache, ...limits, image: image.reference });
    if (found && isCurrent(found, spec, image.id, user) && found.Config.Labels[LABELS.spec] === wanted.Labels?.[LABELS.spec]) return { container: found, user, layer };
    // Before the former container goes, which tells that it is still to be done.
    if (found && found.Config.User !== wanted.User) {
      await this.stop(spec.agent);
      // What lies over a base belongs to the directory's owner from the beginning, and would be copied by this.
      await giveVolumesTo(this.docker, wanted, layer ? ['/codex-home'] : ['/codex-home', WORKSPACE_PATH], user);
      await removeSockets(runPaths.agentAppServer(this.options.runDir, spec.agent.key));
    }
    if (found) await this.discard(found.Id);
    const created = await this.docker.createContainer(wanted);
    return { container: await created.inspect(), user, layer };
  }

  private async layer({ agent, workspace }: AgentSpec, user: ContainerUser): Promise<LaidWorkspace | undefined> {
    if (workspace.kind !== 'isolated') return undefined;
    return this.layers.of({ agent, workspace }, { tenant: agent.tenant, directory: this.paths.translate(workspace.path), user }, workspace.path);
  }

  private cacheOf({ agent, workspace }: AgentSpec, user: ContainerUser): SharedCache | undefined {
    const path = hostPathOf(workspace);
    if (!this.options.sharesCaches || path === undefined) return undefined;
    return sharedCache(this.options.deployment, { tenant: agent.tenant, directory: this.paths.translate(path), user });
  }

  private async tidyCaches(): Promise<void> {
    await this.caches.tidy(() => this.cacheUsers()).catch(toEngineError);
  }

  /** Also agents whose containers are being replaced, or were removed by somebody. */
  private async cacheUsers(): Promise<CacheUser[]> {
    if (!this.options.sharesCaches) return [];
    return (await this.survey()).flatMap(({ spec }) => {
      const path = spec && hostPathOf(spec.workspace);
      return !spec || path === undefined ? [] : { tenant: spec.agent.tenant, directory: this.paths.translate(path) };
    });
  }

  /** The engine could not lay the new workspace over its base. */
  private async ensureCopy(spec: AgentSpec, containerId: string): Promise<RunningAgent> {
    await this.discard(containerId);
    await this.layers.giveUp(spec, this.paths.translate(hostPathOf(spec.workspace) ?? ''));
    return this.ensure(spec);
  }

  private async inspect(agent: AgentIdentity): Promise<ContainerInspectInfo | undefined> {
    try {
      return await this.docker.getContainer(this.names(agent).container).inspect();
    } catch (error) {
      if (isNotFound(error)) return undefined;
      return toEngineError(error);
    }
  }

  private async prepareFiles({ agent, workspace }: AgentSpec, user: ContainerUser, environment: Record<string, string>) {
    const { runDir, model } = this.options;
    const appServer = runPaths.agentAppServer(runDir, agent.key);
    const [config, environments] = ['config.toml', 'environments.toml'].map((name) => join(runPaths.agent(runDir, agent.key), name)) as [string, string];
    await mkdir(appServer, { recursive: true, mode: 0o700 });
    if (process.getuid?.() === 0) await chown(appServer, user.uid, user.gid);
    await writeForAll(config, renderAgentConfig({ model, baseUrl: CONTAINER_GATEWAY_URL, untrusted: [WORKSPACE_PATH], environment }));
    await writeForAll(environments, renderAgentEnvironments(HOLDER, WORKSPACE_PATH));
    const translate = (path: string) => this.paths.translate(path);
    return {
      appServer: translate(appServer),
      config: translate(config),
      environments: translate(environments),
      gateway: translate(runPaths.agentGateway(runDir, agent.key)),
      workspace: workspace.kind === 'volume' ? undefined : translate(workspace.path),
    };
  }

  private async mustBeAlive(id: string): Promise<void> {
    const container = this.docker.getContainer(id);
    const { State } = await container.inspect();
    if (State.Running && !State.Restarting) return;
    const logs = await container.logs({ stdout: true, stderr: true, tail: 20 });
    throw new AppError('agent_start_failed', `The agent’s container ended with code ${State.ExitCode}.`, { detail: printable(logs) });
  }

  private async discard(idOrName: string): Promise<boolean> {
    try {
      await this.docker.getContainer(idOrName).remove({ force: true });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      return toEngineError(error);
    }
  }
}

/** A file that its container reads, whoever the agent is in it. */
async function writeForAll(path: string, content: string): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, content);
  await chmod(path, 0o444);
}

const uidOf = (container: ContainerInspectInfo): number => Number(container.Config.User.split(':')[0]);

const printable = (logs: Buffer): string => logs.toString('utf8').replaceAll(/[^\n\x20-\x7e]/g, '').slice(-4000);

/**
 * Who the agent is inside its container: the supervisor's own user, or, where that is root, the owner of
 * the workspace, so that an agent can edit it; never root itself.
 */
async function userFor(workspace: Workspace): Promise<ContainerUser> {
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()];
  if (uid !== 0) return { uid, gid };
  const owner = workspace.kind === 'volume' ? undefined : await stat(workspace.path);
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : { uid: IMAGE_UID, gid: IMAGE_UID };
}

function isCurrent(found: ContainerInspectInfo, spec: AgentSpec, imageId: string, user: ContainerUser): boolean {
  return found.Image === imageId && found.Config.User === `${user.uid}:${user.gid}` && sameWorkspace(workspaceOf(found.Config.Labels), spec.workspace);
}
