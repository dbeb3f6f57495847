import type { AgentIdentity, AgentUsage, EgressView, Placement, ReadOnlyTurns, RuntimeName, Workspace } from '@codex-mcp/contracts';

/** `image`: the name of the image that is asked for; without one, the base. `egress`: hosts that are wished for; without it, those of before. */
export type AgentSpec = { agent: AgentIdentity; workspace: Workspace; image?: string | undefined; egress?: string[] | undefined };

/** An agent whose Codex answers. */
export type RunningAgent = {
  runtimeId: string;
  workspace: Workspace;
  /** Where Codex sees the workspace, and where it may keep codex-mcp's own files. */
  cwd: string;
  /** Where Codex sees the host directory that the workspace is a copy of. */
  source?: string | undefined;
  /** Where it sees what the workspace was laid over. */
  base?: string | undefined;
  stateDir: string;
  codexHome: string;
  sandbox: 'external' | 'codex';
  readOnlyTurns: ReadOnlyTurns;
  image?: Placement['image'];
  /** Hosts that commands in it reach, by git alone. */
  gitHosts: string[];
  egress: EgressView;
  createdAt: number;
};

/** An agent that exists on this host, as the runtime itself knows it. */
export type KnownAgent = { spec: AgentSpec; running: boolean; runtimeId: string; createdAt: number };

/** What lies on this host under one agent's name, whether or not anybody knows the agent. */
export type Remains = {
  /** The agent's key, or its beginning where the names tell no more. */
  key: string;
  /** Whose it is; undefined where nothing says so. */
  spec: AgentSpec | undefined;
  /** The agent's own container or process, as `list` has it. */
  known: KnownAgent | undefined;
  /** Whether files or conversation of it are there. */
  hasFiles: boolean;
  createdAt: number;
  /** Further containers or processes of the agent, which nobody can reach; for `endDouble`. */
  doubles: string[];
};

/** The app-server's socket on this host; only a socket that belongs to `uid` may be trusted. */
export type AppServerSocket = { path: string; uid: number };

/** `unmeasurable`: it runs, and they could not be counted, which an agent can bring about. */
export type DiskUsage = number | 'unmeasurable';

/** What hosts agents: containers, or processes on a machine without Docker. */
export interface AgentRuntime {
  readonly name: RuntimeName;

  /** Throws `engine_unavailable`, saying what to change, when agents cannot be started at the moment. */
  check(): Promise<void>;

  /** Creates or wakes the agent; resolves when its Codex accepts connections. Another workspace or image than before replaces the container; an image that cannot be had is the base. */
  ensure(spec: AgentSpec): Promise<RunningAgent>;

  /** Every agent of this deployment on this host, running or not. */
  list(): Promise<KnownAgent[]>;

  /** Everything that looks like an agent's on this host. Rejects where it cannot be told; never takes that for nothing. */
  survey(): Promise<Remains[]>;

  /** Ends a container or process that `survey` found beside an agent's own. Files and conversation stay. */
  endDouble(id: string): Promise<void>;

  /** Where to reach the Codex of a running agent. */
  socketOf(agent: AgentIdentity): Promise<AppServerSocket>;

  /** Stops the agent, where asked without a moment for what it does; files and conversation stay. False when it was not running. */
  stop(agent: AgentIdentity, how?: 'at_once'): Promise<boolean>;

  /** Removes the agent with its files and conversation. False when there was none. */
  remove(agent: AgentIdentity): Promise<boolean>;

  usage(agent: AgentIdentity): Promise<AgentUsage>;

  /** Bytes that the agent's own files take; undefined where it does not run, or no limit holds. */
  diskUsage(agent: AgentIdentity): Promise<DiskUsage | undefined>;

  /** Bytes that are free where agents' files are; undefined where that cannot be told. */
  freeDiskBytes(): Promise<number | undefined>;

  /** Renews and removes what the runtime keeps for new agents; nothing of an agent's. */
  tidy(): Promise<void>;
}

export const sameWorkspace = (a: Workspace, b: Workspace): boolean => a.kind === b.kind && hostPathOf(a) === hostPathOf(b);

/** The host directory that a workspace is, or is a copy of. */
export const hostPathOf = (workspace: Workspace): string | undefined => (workspace.kind === 'volume' ? undefined : workspace.path);
