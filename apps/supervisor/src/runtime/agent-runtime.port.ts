import type { AgentIdentity, AgentUsage, RuntimeName, Workspace } from '@codex-mcp/contracts';

export type AgentSpec = { agent: AgentIdentity; workspace: Workspace };

/** An agent whose Codex answers. */
export type RunningAgent = {
  runtimeId: string;
  workspace: Workspace;
  /** Where Codex sees the workspace, and where it may keep codex-mcp's own files. */
  cwd: string;
  stateDir: string;
  sandbox: 'external' | 'codex';
  createdAt: number;
};

/** An agent that exists on this host, as the runtime itself knows it. */
export type KnownAgent = { spec: AgentSpec; running: boolean; runtimeId: string; createdAt: number };

/** The app-server's socket on this host; only a socket that belongs to `uid` may be trusted. */
export type AppServerSocket = { path: string; uid: number };

/** What hosts agents: containers, or processes on a machine without Docker. */
export interface AgentRuntime {
  readonly name: RuntimeName;

  /** Throws `engine_unavailable`, saying what to change, when agents cannot be started at the moment. */
  check(): Promise<void>;

  /** Creates or wakes the agent; resolves when its Codex accepts connections. Another workspace than before replaces the old mount. */
  ensure(spec: AgentSpec): Promise<RunningAgent>;

  /** Every agent of this deployment on this host, running or not. */
  list(): Promise<KnownAgent[]>;

  /** Where to reach the Codex of a running agent. */
  socketOf(agent: AgentIdentity): Promise<AppServerSocket>;

  /** Stops the agent; files and conversation stay. False when it was not running. */
  stop(agent: AgentIdentity): Promise<boolean>;

  /** Removes the agent with its files and conversation. False when there was none. */
  remove(agent: AgentIdentity): Promise<boolean>;

  usage(agent: AgentIdentity): Promise<AgentUsage>;
}

export const sameWorkspace = (a: Workspace, b: Workspace): boolean => a.kind === b.kind && (a.kind === 'volume' || (b.kind === 'host' && a.path === b.path));
