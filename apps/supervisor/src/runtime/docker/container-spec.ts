import { createHash } from 'node:crypto';
import { Workspace } from '@codex-mcp/contracts';
import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode';
import type { AgentSpec } from '../agent-runtime.port.js';

/** Where `codex app-server --listen unix:///tmp/app-server.sock` really puts its socket. */
export const SOCKET_NAME = createHash('sha256').update('/tmp/app-server.sock').digest('hex');
export const WORKSPACE_PATH = '/workspace';
/** The host directory that the workspace is a copy of. */
export const SOURCE_PATH = '/source';
export const STATE_PATH = '/codex-home/codex-mcp';

const STOP_TIMEOUT_S = 5;
const PIDS = 256;

export const LABELS = {
  deployment: 'codex-mcp.deployment',
  key: 'codex-mcp.agent-key',
  agentId: 'codex-mcp.agent-id',
  tenant: 'codex-mcp.tenant',
  workspace: 'codex-mcp.workspace',
  /** Fingerprint of all that the container was made with. */
  spec: 'codex-mcp.spec',
} as const;

export type ContainerNames = { container: string; workspaceVolume: string; homeVolume: string; copyVolume: (path: string) => string };

/** Names are made from the deployment and the agent's key alone, so that whoever looks finds the same container. */
export function namesOf(deployment: string, agentKey: string): ContainerNames {
  const container = `codex-mcp-${deployment}-${agentKey.slice(0, 16)}`;
  const copyVolume = (path: string) => `${container}-copy-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`;
  return { container, workspaceVolume: `${container}-workspace`, homeVolume: `${container}-home`, copyVolume };
}

/** What the names of a deployment's containers and volumes begin with, and those of deployments whose name goes on. */
export const volumePrefix = (deployment: string): string => `codex-mcp-${deployment}-`;

export type ContainerParts = {
  spec: AgentSpec;
  deployment: string;
  image: string;
  user: { uid: number; gid: number };
  cpus: number;
  memoryBytes: number;
  /** Paths as the engine's host knows them. */
  hostPaths: { appServer: string; gateway: string; config: string; workspace?: string | undefined };
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
    Env: parts.spec.workspace.kind === 'volume' ? [] : ['CODEX_MCP_WORKSPACE=host'],
    Labels: labelsOf(parts.deployment, parts.spec),
    StopTimeout: STOP_TIMEOUT_S,
    HostConfig: hostConfig(parts, names),
  };
}

/** The types lack `CgroupnsMode`, which engines know since API 1.41. */
function hostConfig(parts: ContainerParts, names: ContainerNames): HostConfig & { CgroupnsMode: 'private' } {
  return {
    Init: true,
    ReadonlyRootfs: true,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    NetworkMode: 'none',
    IpcMode: 'private',
    CgroupnsMode: 'private',
    PidsLimit: PIDS,
    Memory: parts.memoryBytes,
    MemorySwap: parts.memoryBytes,
    NanoCpus: Math.round(parts.cpus * 1e9),
    OomScoreAdj: 500,
    Ulimits: [
      { Name: 'nofile', Soft: 4096, Hard: 4096 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m,mode=1777' },
    Mounts: mounts(parts, names),
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } },
    RestartPolicy: { Name: 'unless-stopped' },
  };
}

/** The engine makes and labels a volume with the first container that names it; one that exists keeps the labels it has. */
function mounts({ spec, deployment, hostPaths, user }: ContainerParts, names: ContainerNames): MountSettings[] {
  const bind = (Source: string, Target: string, ReadOnly: boolean): MountSettings => ({ Type: 'bind', Source, Target, ReadOnly });
  const VolumeOptions = { NoCopy: false, Labels: labelsOf(deployment, spec), DriverConfig: { Name: 'local', Options: {} } };
  const volume = (Source: string, Target: string): MountSettings => ({ Type: 'volume', Source, Target, VolumeOptions });
  const directory = hostPaths.workspace ?? '';
  const workspaces = {
    volume: () => [volume(names.workspaceVolume, WORKSPACE_PATH)],
    host: () => [bind(directory, WORKSPACE_PATH, false)],
    isolated: () => [volume(names.copyVolume(directory), WORKSPACE_PATH), bind(directory, SOURCE_PATH, true)],
  };
  return [
    ...workspaces[spec.workspace.kind](),
    volume(names.homeVolume, '/codex-home'),
    bind(hostPaths.config, '/codex-home/config.toml', true),
    bind(hostPaths.gateway, '/run/gateway', true),
    bind(hostPaths.appServer, `/tmp/codex-daemon-${user.uid}`, false),
  ];
}
