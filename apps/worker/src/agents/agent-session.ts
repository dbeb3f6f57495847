import type { AppServerClient, OpenedThread } from '@codex-mcp/codex';
import type { Placement, TokenUsage } from '@codex-mcp/contracts';
import { type Changes, WorkspaceSnapshots } from '../workspace/workspace-snapshot.js';

const READ_ONLY = { type: 'readOnly', networkAccess: false };
const WORKSPACE_WRITE = { type: 'workspaceWrite', writableRoots: [], networkAccess: false, excludeTmpdirEnvVar: false, excludeSlashTmp: false };

/** A worker's open connection to one agent's Codex, with the agent's thread loaded. */
export class AgentSession {
  private readonly snapshots: WorkspaceSnapshots;
  /** What the workspace was when it was last looked at. */
  private lastTree: string | undefined;
  /** Tokens that Codex has counted for the thread; it repeats them before it counts on, for example when it compacts. */
  threadUsage: TokenUsage | undefined;

  constructor(
    readonly codex: AppServerClient,
    readonly placement: Placement,
    readonly thread: OpenedThread,
    readonly epoch: number,
    private readonly workspaceIsShared: boolean,
    private readonly defaultEfforts: ReadonlyMap<string, string>,
  ) {
    this.snapshots = new WorkspaceSnapshots(codex, placement);
  }

  /** The effort for a turn that names none. Codex would keep the last one that was named in the thread. */
  effortOf(model: string): string | undefined {
    return this.defaultEfforts.get(model);
  }

  /** Codex's own sandbox for one turn; in a container the container is the sandbox, and Codex’s would fail. */
  sandboxPolicy(access: 'read' | 'write'): object | undefined {
    if (this.placement.sandbox === 'external') return undefined;
    return access === 'read' ? READ_ONLY : WORKSPACE_WRITE;
  }

  /** The workspace before a turn: looked at anew only where somebody else than the agent may have changed it. */
  async treeBefore(mayHaveBegun: boolean): Promise<string> {
    if (mayHaveBegun) this.lastTree = await this.snapshots.last();
    if (this.workspaceIsShared && !mayHaveBegun) this.lastTree = undefined;
    this.lastTree ??= await this.snapshots.take();
    return this.lastTree;
  }

  /** What a turn changed. A turn that ran no command and no patch `touched` nothing. */
  async changesSince(before: string, touched: boolean): Promise<Changes> {
    if (!touched) return { diff: '', files: [], truncated: false };
    const after = await this.snapshots.take();
    this.lastTree = after;
    return this.snapshots.changes(before, after);
  }
}
