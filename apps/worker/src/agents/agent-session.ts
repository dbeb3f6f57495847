import { type AppServerClient, EVERYTHING_ENVIRONMENT, READ_ONLY_ENVIRONMENT, type StartTurn, UnreachableError } from '@codex-mcp/codex';
import { type AgentIdentity, egressCovers, egressTarget, type FileWrite, type Placement, type PullRequestResult, type PullRequestWish, type TreeWriteResult, type TurnEvent } from '@codex-mcp/contracts';
import type { Environment } from '../environment/turn-environment.js';
import { abortableCommands } from '../workspace/abortable-commands.js';
import { AgentWorkspace, type Changes } from '../workspace/agent-workspace.js';
import { SETTLE_PUTS } from '../workspace/files/put.script.js';
import { IsolatedCopy } from '../workspace/isolated-copy.js';
import type { AgentThread, AgentThreads } from './agent-threads.js';

const READ_ONLY = { type: 'readOnly', networkAccess: false };
const WORKSPACE_WRITE = { type: 'workspaceWrite', writableRoots: [], networkAccess: false, excludeTmpdirEnvVar: false, excludeSlashTmp: false };

/** Of the paths that a turn should not have changed, what is told. */
const MAX_TOLD_LENGTH = 1000;

/** Where a turn takes place. */
export type Conversation = { readonly session: AgentSession; readonly thread: AgentThread };

/** What only looks has of a session. */
export type Lookout = Pick<AgentSession, 'workspace' | 'sandboxPolicy'>;

/** A worker's open connection to one agent's Codex. */
export class AgentSession {
  readonly workspace: AgentWorkspace;
  /** As whoever sees it who looks at it while a turn is at work there. */
  private readonly seenBeside: AgentWorkspace;
  /** Where the workspace is a copy of a host directory. */
  readonly copy: IsolatedCopy | undefined;
  /** What has become of the repository's settings, while nothing can have changed them. */
  environment: Environment | undefined;
  /** The AGENTS.md that Codex was given. */
  instructions: string | undefined;
  /** What the workspace was when it was last looked at. */
  private lastTree: string | undefined;
  private hasSettled = false;
  /** The workspace as a turn was to leave it that is not known to have done so; looked for once for a connection. */
  private kept: Promise<string | undefined> | undefined;
  private hasCopy = false;

  constructor(
    readonly codex: AppServerClient,
    agent: AgentIdentity,
    readonly placement: Placement,
    readonly threads: AgentThreads,
    readonly epoch: number,
    private readonly defaultEfforts: ReadonlyMap<string, string>,
    /** Writes into the host directory that the workspace is a copy of. */
    readonly writeToHost: (files: FileWrite[]) => Promise<TreeWriteResult>,
    readonly openPullRequest: (wish: PullRequestWish) => Promise<PullRequestResult>,
  ) {
    this.workspace = new AgentWorkspace(codex, placement);
    this.seenBeside = new AgentWorkspace(codex, placement, { isBeside: true });
    this.copy = placement.source === undefined ? undefined : new IsolatedCopy(this.workspace, placement.source, `codex/${agent.agentId}`, placement.base);
  }

  /** For whoever looks at the workspace while a turn is at work there, until `signal` aborts. */
  beside(signal: AbortSignal): Lookout {
    return { workspace: this.seenBeside.over(abortableCommands(this.codex, signal)), sandboxPolicy: (access) => this.sandboxPolicy(access) };
  }

  /** Whether it need not be started anew for this image: it runs in it, or cannot. */
  isInImage(name: string | undefined): boolean {
    const { image } = this.placement;
    return name === undefined || image === undefined || (image.refused?.name ?? image.name) === name;
  }

  /** Whether its gateway need not be asked again for these hosts: it reaches those that are granted on request, and no others of them. */
  hasGranted(wishes: readonly string[] | undefined): boolean {
    if (wishes === undefined) return true;
    const { allowed, granted, onRequest } = this.placement.egress;
    const coveredBy = (rules: readonly string[], target: string) => rules.some((rule) => egressCovers(rule, target));
    const wanted = new Set(wishes.map(egressTarget).filter((target) => coveredBy(onRequest, target) && !coveredBy(allowed, target)));
    return wanted.size === new Set(granted).size && granted.every((target) => wanted.has(target));
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

  /** In a container, where a turn's commands and patches are carried out: named each time, as Codex keeps the last for the thread. */
  environmentsOf(access: 'read' | 'write'): StartTurn['environments'] {
    const { sandbox, cwd } = this.placement;
    if (sandbox !== 'external') return undefined;
    return [{ environmentId: access === 'read' && this.holdsReadOnly ? READ_ONLY_ENVIRONMENT : EVERYTHING_ENVIRONMENT, cwd }];
  }

  /** Whether a turn that may only read cannot write. */
  get holdsReadOnly(): boolean {
    return this.placement.readOnlyTurns === 'enforced';
  }

  /** Whether turns can be held back no more: a command of one can end what holds it, which Codex does not start again. */
  async hasLostReadOnly(): Promise<boolean> {
    return this.placement.sandbox === 'external' && this.holdsReadOnly && !(await this.codex.hasEnvironment(READ_ONLY_ENVIRONMENT));
  }

  /** Brings a copy of a host directory up to date with it; returns what is worth telling. */
  async refreshCopy(): Promise<string | undefined> {
    const news = await this.copy?.refresh();
    if (news !== undefined) this.workspaceChanged();
    return news;
  }

  /** Takes back what an upload that was killed has left half done. Once for a connection, as only its loss kills one. */
  async settleUploads(): Promise<void> {
    if (!this.hasSettled) await this.workspace.repository.shell(SETTLE_PUTS, [], { sandboxPolicy: this.sandboxPolicy('write') });
    this.hasSettled = true;
  }

  /** Makes a copy of a host directory where there is none yet; one that is there stays as it is. */
  async makeCopy(): Promise<void> {
    if (!this.hasCopy && this.copy && (await this.workspace.startingPoint()) === undefined) await this.refreshCopy();
    this.hasCopy = true;
  }

  /** The workspace before a turn: looked at anew only where somebody else than the agent may have changed it. */
  async treeBefore(mayHaveBegun: boolean): Promise<string> {
    if (mayHaveBegun) this.lastTree = await this.workspace.last();
    if (this.placement.workspace.kind === 'host' && !mayHaveBegun) this.lastTree = undefined;
    this.lastTree ??= await this.workspace.take();
    return this.lastTree;
  }

  /**
   * What a turn changed, which is remembered. A turn that ran no command and no patch `touched` nothing. `mayHaveBegun`: an
   * earlier worker may have come as far as this, and what is there now may be more than the turn has done.
   */
  async changesSince(before: string, turn: { turnId: string; threadId: string; touched: boolean; mayHaveBegun: boolean }): Promise<Changes> {
    const measured = turn.mayHaveBegun ? await this.workspace.turn(turn.turnId) : undefined;
    if (measured) return this.workspace.changes(measured);
    if (!turn.touched) return { diff: '', files: [], truncated: false };
    const after = await this.workspace.take();
    this.lastTree = after;
    const trees = { from: before, to: after };
    const [changes] = await Promise.all([this.workspace.changes(trees), this.workspace.recordTurn(turn, trees)]);
    return changes;
  }

  /** As `treeBefore`, for a turn that is to change nothing and that nothing keeps from it: kept until `undoSince`, also for another worker. */
  async treeToKeep(isAtWork: boolean): Promise<string> {
    const kept = isAtWork ? await this.workspace.stateToKeep() : undefined;
    const before = kept ?? (await this.treeBefore(isAtWork));
    if (kept === undefined) await this.workspace.keepState(before);
    this.kept = Promise.resolve(before);
    return before;
  }

  /** Undoes, or tells, what an earlier turn changed that was to change nothing, where no worker has come to it. Not while that turn is at work. */
  async settleKept(push: (event: TurnEvent) => void): Promise<void> {
    const before = await (this.kept ??= this.workspace.stateToKeep());
    if (before === undefined) return;
    try {
      await this.undoSince(before, { touched: true, isEarlier: true }, push);
    } catch (error) {
      if (error instanceof UnreachableError) throw error;
      push({ type: 'status', message: `What an earlier turn changed that was to change nothing could not be undone: ${String(error)}` });
      await this.forgetKept();
    }
  }

  /**
   * For a turn that was to change nothing and that nothing kept from it: puts the workspace back as it was, or, where that
   * is a directory of the host which others edit as well, returns the changes. `isEarlier`: another turn has begun since.
   */
  async undoSince(before: string, turn: { touched: boolean; isEarlier?: boolean }, push: (event: TurnEvent) => void): Promise<Changes | undefined> {
    const after = turn.touched ? await this.workspace.take() : before;
    const changes = after === before ? undefined : await this.undo({ from: after, to: before }, turn.isEarlier ? 'An earlier turn' : 'The turn', push);
    await this.forgetKept();
    return changes;
  }

  private async undo(trees: { from: string; to: string }, who: string, push: (event: TurnEvent) => void): Promise<Changes | undefined> {
    const changes = await this.workspace.changes({ from: trees.to, to: trees.from });
    const paths = changes.files.map(({ path }) => path).join(', ').slice(0, MAX_TOLD_LENGTH);
    this.workspaceChanged();
    if (this.placement.workspace.kind === 'host') {
      push({ type: 'status', message: `${who} was to change nothing; since it began, the directory has changed: ${paths}` });
      return changes;
    }
    await this.workspace.become(trees);
    push({ type: 'status', message: `${who} was to change nothing; its changes were undone: ${paths}` });
    return undefined;
  }

  private async forgetKept(): Promise<void> {
    await this.workspace.keepState(undefined);
    this.kept = Promise.resolve(undefined);
  }

  /** Call when something else than a turn has changed the workspace. */
  workspaceChanged(): void {
    this.lastTree = undefined;
    this.environment = undefined;
  }
}
