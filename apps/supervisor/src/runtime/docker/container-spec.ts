import { createHash } from 'node:crypto';
import { Workspace } from '@codex-mcp/contracts';
import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode';
import type { AgentSpec } from '../agent-runtime.port.js';

/** Where `codex app-server --listen unix:///tmp/app-server.sock` really puts its socket. */
export const SOCKET_NAME = createHash('sha256').update('/tmp/app-server.sock').digest('hex');
export const WORKSPACE_PATH = '/workspace';
/** The host directory that the workspace is a copy of. */
export const SOURCE_PATH = '/source';
/** The base that the workspace is laid over. */
export const BASE_PATH = '/base';
/** What package managers keep, where agents share it. */
export const CACHE_PATH = '/cache';
export const CODEX_HOME_PATH = '/codex-home';
export const STATE_PATH = `${CODEX_HOME_PATH}/codex-mcp`;
/** The same in all agents. */
const HOSTNAME = 'agent';
export const ENVIRONMENTS_PATH = `${CODEX_HOME_PATH}/environments.toml`;

const STOP_TIMEOUT_S = 5;
const PIDS = 256;

export const LABELS = {
  deployment: 'codex-mcp.deployment',
  key: 'codex-mcp.agent-key',
  agentId: 'codex-mcp.agent-id',
  tenant: 'codex-mcp.tenant',
  workspace: 'codex-mcp.workspace',
  /** Name of the image that was asked for. */
  image: 'codex-mcp.image',
  /** Fingerprint of all that the container was made with. */
  spec: 'codex-mcp.spec',
  /** On volumes of an agent's: the volume of the base that its workspace is laid over. */
  laidOver: 'codex-mcp.laid-over',
  /** On a volume with what an agent has changed: the one that joins it and the base. */
  joinedBy: 'codex-mcp.joined-by',
} as const;

/** `tree`: how the names of volumes begin that join the others and a base; each has one of its own. */
export type LayerNames = { tree: string; upper: string; work: string };
export type ContainerNames = { container: string; workspaceVolume: string; homeVolume: string; copyVolume: (path: string) => string; layerVolumes: (path: string) => LayerNames };

/** A workspace laid over a base: the volume that joins the two, and the base's. */
export type Layer = { tree: string; base: string };

/** A volume that all agents of one directory have. */
export type SharedCache = { name: string; labels: Record<string, string> };

/** Names are made from the deployment and the agent's key alone, so that whoever looks finds the same container. */
export function namesOf(deployment: string, agentKey: string): ContainerNames {
  const container = `codex-mcp-${deployment}-${agentKey.slice(0, 16)}`;
  const named = (kind: string, path: string) => `${container}-${kind}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`;
  const layerVolumes = (path: string) => ({ tree: named('tree', path), upper: named('upper', path), work: named('work', path) });
  return { container, workspaceVolume: `${container}-workspace`, homeVolume: `${container}-home`, copyVolume: (path) => named('copy', path), layerVolumes };
}

/** What the names of a deployment's containers and volumes begin with, and those of deployments whose name goes on. */
export const volumePrefix = (deployment: string): string => `codex-mcp-${deployment}-`;

export type ContainerLimits = { deployment: string; image: string; cpus: number; memoryBytes: number; /** Of one file. */ maxFileBytes?: number; /** Of the engine's, instead of its default. */ runtime?: string | undefined };
export type ContainerUser = { uid: number; gid: number };

export type ContainerParts = ContainerLimits & {
  spec: AgentSpec;
  user: ContainerUser;
  /** For a copy of a host directory that is laid over a base; otherwise it is one in a volume. */
  layer?: Layer | undefined;
  /** For an agent that shares caches with the others of its directory. */
  cache?: SharedCache | undefined;
  /** Paths as the engine's host knows them. */
  hostPaths: { appServer: string; gateway: string; config: string; environments: string; workspace?: string | undefined };
};

export function labelsOf(deployment: string, { agent, workspace }: AgentSpec): Record<string, string> {
  return {
    [LABELS.deployment]: deployment,
    [LABELS.key]: agent.key,
    [LABELS.agentId]: agent.agentId,
    [LABELS.tenant]: agent.tenant,
    [LABELS.workspace]: JSON.stringify(workspace),
  };
}

export const workspaceOf = (labels: Record<string, string>): Workspace => Workspace.catch({ kind: 'volume' }).parse(JSON.parse(labels[LABELS.workspace] ?? 'null'));

/** The whole of an agent's container: no network, no capability, no writable path but its volumes and a small /tmp. */
export function containerSpec(parts: ContainerParts): ContainerCreateOptions {
  const spec = specWithoutFingerprint(parts);
  const fingerprint = createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16);
  return { ...spec, Labels: { ...spec.Labels, [LABELS.spec]: fingerprint } };
}

function specWithoutFingerprint(parts: ContainerParts): ContainerCreateOptions {
  const { uid, gid } = parts.user;
  const names = namesOf(parts.deployment, parts.spec.agent.key);
  return {
    name: names.container,
    Image: parts.image,
    User: `${uid}:${gid}`,
    WorkingDir: WORKSPACE_PATH,
    Hostname: HOSTNAME,
    Env: parts.spec.workspace.kind === 'volume' ? [] : ['CODEX_MCP_WORKSPACE=host'],
    Labels: { ...labelsOf(parts.deployment, parts.spec), ...(parts.spec.image !== undefined && { [LABELS.image]: parts.spec.image }) },
    StopTimeout: STOP_TIMEOUT_S,
    // Codex asks for the address of its own name before a turn that may only read. Without a network, nobody answers: it would wait 5 s.
    HostConfig: { ...hardening(parts, mounts(parts, names)), ExtraHosts: [`${HOSTNAME}:127.0.0.1`], RestartPolicy: { Name: 'unless-stopped' } },
  };
}

/** What every container of ours is held by. The types lack `CgroupnsMode`, which engines know since API 1.41. */
export function hardening(limits: ContainerLimits, Mounts: MountSettings[]): HostConfig & { CgroupnsMode: 'private' } {
  return {
    ...(limits.runtime !== undefined && { Runtime: limits.runtime }),
    Init: true,
    ReadonlyRootfs: true,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    NetworkMode: 'none',
    IpcMode: 'private',
    CgroupnsMode: 'private',
    PidsLimit: PIDS,
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    // Half of what a service in a container has, which agents must not starve.
    CpuShares: 512,
    NanoCpus: Math.round(limits.cpus * 1e9),
    OomScoreAdj: 500,
    Ulimits: [
      { Name: 'nofile', Soft: 4096, Hard: 4096 },
      { Name: 'core', Soft: 0, Hard: 0 },
      ...(limits.maxFileBytes === undefined ? [] : [{ Name: 'fsize', Soft: limits.maxFileBytes, Hard: limits.maxFileBytes }]),
    ],
    Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m,mode=1777' },
    Mounts,
    // An agent that floods its log loses lines, and costs the engine half the CPU time.
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2', mode: 'non-blocking', 'max-buffer-size': '256k' } },
  };
}

export const bindMount = (Source: string, Target: string, ReadOnly: boolean): MountSettings => ({ Type: 'bind', Source, Target, ReadOnly });

/** A volume that starts with what the image has there. The engine makes and labels it with the first container that names it; one that exists keeps the labels it has. */
export const newVolumeMount = (Source: string, Target: string, Labels: Record<string, string>): MountSettings => ({ Type: 'volume', Source, Target, VolumeOptions: { NoCopy: false, Labels, DriverConfig: { Name: 'local', Options: {} } } });

/** A volume that exists, as it is. */
export const presentVolumeMount = (Source: string, Target: string, ReadOnly: boolean): MountSettings => ({ Type: 'volume', Source, Target, ReadOnly, VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } } });

function mounts({ spec, deployment, hostPaths, user, layer, cache }: ContainerParts, names: ContainerNames): MountSettings[] {
  const volume = (name: string, target: string) => newVolumeMount(name, target, labelsOf(deployment, spec));
  const directory = hostPaths.workspace ?? '';
  const copied = () => (layer ? [presentVolumeMount(layer.tree, WORKSPACE_PATH, false), presentVolumeMount(layer.base, BASE_PATH, true)] : [volume(names.copyVolume(directory), WORKSPACE_PATH)]);
  const workspaces = {
    volume: () => [volume(names.workspaceVolume, WORKSPACE_PATH)],
    host: () => [bindMount(directory, WORKSPACE_PATH, false)],
    isolated: () => [...copied(), bindMount(directory, SOURCE_PATH, true)],
  };
  return [
    ...workspaces[spec.workspace.kind](),
    volume(names.homeVolume, CODEX_HOME_PATH),
    ...(cache ? [newVolumeMount(cache.name, CACHE_PATH, cache.labels)] : []),
    bindMount(hostPaths.config, `${CODEX_HOME_PATH}/config.toml`, true),
    bindMount(hostPaths.environments, ENVIRONMENTS_PATH, true),
    bindMount(hostPaths.gateway, '/run/gateway', true),
    bindMount(hostPaths.appServer, `/tmp/codex-daemon-${user.uid}`, false),
  ];
}
