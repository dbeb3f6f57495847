import { UnreachableError } from '@codex-mcp/codex';
import { AppError, type ErrorCode, OWN_WORKSPACE, type TurnEvent, type TurnRequest, type WorkspaceChoice, type WorkspaceMode } from '@codex-mcp/contracts';
import { composeOutput, findTool, isQueued, type JsonObject, parseAnswer, type QueuedTool, type TestRun, type TurnFacts, turnPrompt, type TurnTool, type WorkspaceTool } from '@codex-mcp/tools';
import type { TurnStore } from '@codex-mcp/messaging';
import type { AgentSession, Conversation } from '../agents/agent-session.js';
import { repairIdOf } from '../agents/agent-threads.js';
import type { AgentSessions } from '../agents/agent-sessions.js';
import type { Changes } from '../workspace/agent-workspace.js';
import { type Environment, lookAtEnvironment, type Placing, settleEnvironment } from '../environment/turn-environment.js';
import { withLocations } from '../workspace/finding-places.js';
import { findChange, type FoundChange } from '../workspace/named-change.js';
import { costOf, type ModelPrices } from '@codex-mcp/prices';
import { type Test, testOf } from '../test-runs/test-choice.js';
import { runRequestedTests } from '../test-runs/requested-tests.js';
import { needsFreshCopy, operate } from '../workspace/workspace-operations.js';
import { settleFiles } from '../workspace/file-arguments.js';
import { stoppedInTime, unlessAborted } from './abort.js';
import { type CodexTurn, ConnectionLostError, findTurn, runCodexTurn } from './codex-turn.js';
import type { OpenApprovals } from './turn-approvals.js';
import type { TurnCollector } from './turn-collector.js';
import type { Stop } from './turn-stops.js';

/** How long a turn's agent is looked for again when the way to it breaks: time enough to restart any service. */
const RECONNECT_MS = 60_000;
const RECONNECT_PAUSE_MS = 300;
/** Of a turn's time, what is kept for telling its result. */
const TEST_MARGIN_MS = 10_000;
const TRANSIENT = new Set<ErrorCode>(['agent_start_failed', 'service_unavailable', 'engine_unavailable']);

export type ExecutionOptions = {
  /** Undefined for a turn without Codex. */
  threadId: string | undefined;
  epoch: number;
  startedAtMs: number;
  /** An earlier worker may already have given this turn to Codex. */
  mayHaveBegun: boolean;
  push: (event: TurnEvent) => void;
  signal: AbortSignal;
  stop: Pick<Stop, 'leftMs' | 'alive'>;
  /** Called once the turn is in Codex's history. */
  onBegun: () => void;
  /** Called with the way to add a message to the turn, each time Codex begins or is found again. */
  onRunning: (steer: (text: string) => Promise<void>) => void;
  approvals: Pick<OpenApprovals, 'policy' | 'approve'>;
};

/** Where a turn takes place. */
type Place = { threadId: string; conversation: Conversation; environment: Environment | undefined; /** Codex has the turn already. */ isAtWork: boolean };

type Common = { agent_id?: string; model?: string; effort?: string; workspace?: string; workspace_mode?: WorkspaceMode; url?: string; test_command?: string; run_tests?: boolean };

/** One tool call as Codex does it: prompt, answer, at most one repair, and the workspace's changes. */
export class TurnExecution {
  constructor(
    private readonly sessions: AgentSessions,
    private readonly turns: TurnStore,
    private readonly options: { model: string; testTimeoutMs: number; prices: ModelPrices },
  ) {}

  /** The tool's output; throws an AppError for everything that ends the turn otherwise. */
  async run(request: TurnRequest, options: ExecutionOptions): Promise<JsonObject> {
    const tool = findTool(request.tool);
    if (!isQueued(tool)) throw new AppError('unknown_tool', `There is no tool "${request.tool}" that runs in an agent.`);
    const work = this.persist(tool, request, options);
    return stoppedInTime(work, options.signal, () => this.sessions.drop(request.agent.key));
  }

  private async persist(tool: QueuedTool, request: TurnRequest, options: ExecutionOptions): Promise<JsonObject> {
    let lostAt: number | undefined;
    let hasBegun = options.mayHaveBegun;
    const onRunning: ExecutionOptions['onRunning'] = (steer) => {
      hasBegun = true;
      options.onRunning(steer);
    };
    for (;;) {
      try {
        return await this.attempt(tool, request, { ...options, mayHaveBegun: hasBegun, onRunning });
      } catch (error) {
        hasBegun ||= error instanceof ConnectionLostError;
        if (options.signal.aborted || !isTransient(error, hasBegun)) throw error;
        if (lostAt === undefined) options.push({ type: 'status', message: 'The connection to the agent broke; reconnecting' });
        lostAt ??= performance.now();
        if (performance.now() - lostAt > RECONNECT_MS) throw !hasBegun ? error : new AppError('turn_interrupted', 'The agent was lost while it worked. Look at what it left in the workspace, then call again.', { cause: error });
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
      } finally {
        this.sessions.release(request.agent.key);
      }
    }
  }

  private async attempt(tool: QueuedTool, request: TurnRequest, options: ExecutionOptions): Promise<JsonObject> {
    const args: Common = tool.arguments.parse(request.arguments);
    if (tool.kind === 'turn') return this.converseAbout(tool, args, await this.place(tool, request, args, options), request, options);
    const session = await this.session(request, args, options);
    await unlessAborted(options.signal, session.settleUploads());
    await unlessAborted(options.signal, session.settleKept(options.push));
    await (needsFreshCopy(tool) ? this.refresh(session, options) : unlessAborted(options.signal, session.makeCopy()));
    return unlessAborted(options.signal, operate(tool, { request, session, turns: this.turns }, options.startedAtMs).catch((error: unknown) => lostIn(tool, error)));
  }

  private async refresh(session: AgentSession, options: ExecutionOptions): Promise<void> {
    const news = await unlessAborted(options.signal, session.refreshCopy());
    if (news !== undefined) options.push({ type: 'status', message: news });
  }

  /** The agent with its workspace up to date and in the environment that its repository wishes for, before its thread is opened, which reads AGENTS.md. */
  private async place(tool: TurnTool, request: TurnRequest, args: Common, options: ExecutionOptions): Promise<Place> {
    const { threadId } = options;
    if (threadId === undefined) throw new Error(`${request.turnId} has no thread`);
    const access = request.access ?? tool.accessOf(args);
    const isReading = access === 'read' && !options.mayHaveBegun;
    const session = await this.session(request, args, options, { isReading });
    if (session.placement.full !== undefined && access === 'write') throw new AppError('workspace_full', session.placement.full);
    await unlessAborted(options.signal, session.settleUploads());
    const conversationOf = async (at: AgentSession) => ({ session: at, thread: await at.threads.open(threadId, notifier(options)) });
    if (options.mayHaveBegun) {
      const conversation = await conversationOf(session);
      // Nothing changes under the hands of a turn that is at work.
      if (await findTurn(conversation, request.turnId)) return { threadId, conversation, environment: await lookAtEnvironment(session), isAtWork: true };
    }
    await unlessAborted(options.signal, session.settleKept(options.push));
    await this.refresh(session, options);
    const placedAnew = (wanted: Placing) => this.session(request, args, options, { ...wanted, isReading });
    const { push, signal, approvals } = options;
    const wishes = { turnId: request.turnId, access, isAsked: approvals.policy !== 'never', push, signal, placedAnew };
    const settled = await unlessAborted(signal, settleEnvironment(session, wishes));
    return { threadId, conversation: await conversationOf(settled.session), environment: settled.environment, isAtWork: false };
  }

  private async converseAbout(tool: TurnTool, args: Common, { threadId, conversation, environment, isAtWork }: Place, request: TurnRequest, options: ExecutionOptions): Promise<JsonObject> {
    const { session } = conversation;
    const settled = await unlessAborted(options.signal, settleFiles(tool, args, session, request.turnId, options.mayHaveBegun));
    const access = request.access ?? tool.accessOf(args);
    const isHeld = access === 'read' && session.holdsReadOnly;
    const before = isHeld ? undefined : await (access === 'write' ? session.treeBefore(isAtWork) : session.treeToKeep(isAtWork));
    const target = tool.change(args);
    const change = target && (await unlessAborted(options.signal, findChange(session.workspace.repository, target, request.turnId)));
    const turn: CodexTurn = {
      clientId: request.turnId,
      text: turnPrompt(tool, access, settled, change?.described),
      access,
      model: args.model ?? this.options.model,
      effort: args.effort,
      approvalPolicy: options.approvals.policy,
      outputSchema: tool.answerSchema,
    };
    const test = testOf(args, environment, isAtWork);
    session.environment = undefined; // until it is known that the turn has changed nothing
    const toUndo = access === 'read' ? before : undefined;
    const { collector, answer } = await this.answered(tool, conversation, turn, options).catch((error: unknown) => this.failed(session, toUndo, error, options));
    const touched = collector.touched && !isHeld;
    const done = { turnId: request.turnId, threadId, touched, mayHaveBegun: options.mayHaveBegun };
    const changes = before === undefined ? undefined : await (access === 'write' ? session.changesSince(before, done) : session.undoSince(before, done, options.push));
    const tests = [...collector.tests.all, ...(await this.runTests(test, session, request, options))];
    if (!touched && tests.length === 0) session.environment = environment;
    const measured = await this.measured(answer, session, change);
    return composeOutput(tool, measured, { ...facts(request, threadId, turn, collector), ...this.cost(turn, collector), duration_ms: Date.now() - options.startedAtMs, ...(tests.length > 0 && { tests }), ...(environment?.view && { environment: environment.view }), ...reported(tool, changes) });
  }

  private async answered(tool: TurnTool, conversation: Conversation, turn: CodexTurn, options: ExecutionOptions) {
    const collector = await this.converse(conversation, turn, options);
    return { collector, answer: await this.answer(tool, conversation, turn, collector, options) };
  }

  /** `toUndo`: the workspace before a turn that was to change nothing. What cannot be undone now, the agent's next call undoes. */
  private async failed(session: AgentSession, toUndo: string | undefined, error: unknown, { push }: ExecutionOptions): Promise<never> {
    session.workspaceChanged();
    // A turn whose connection was lost may be at work.
    if (toUndo !== undefined && !(error instanceof ConnectionLostError)) await session.undoSince(toUndo, { touched: true }, push).catch(() => undefined);
    throw error;
  }

  private cost({ model }: CodexTurn, { modelRequests }: TurnCollector): Pick<TurnFacts, 'cost_usd'> {
    const dollars = modelRequests && costOf(this.options.prices, model, modelRequests);
    return dollars === undefined ? {} : { cost_usd: dollars };
  }

  /** The test command of the call, once the change has been measured: what tests leave behind is no part of it. */
  private async runTests(test: Test | undefined, session: AgentSession, { turnId }: TurnRequest, { push, signal, stop }: ExecutionOptions): Promise<TestRun[]> {
    if (!test) return [];
    const timeoutMs = Math.floor(Math.min(test.timeoutMs, this.options.testTimeoutMs, stop.leftMs() - TEST_MARGIN_MS));
    stop.alive(timeoutMs);
    const run = await runRequestedTests(session, { command: test.command, turnId, timeoutMs, push, signal });
    session.workspaceChanged();
    return [run];
  }

  /** The answer, with what the workspace says of it. */
  private async measured(answer: object, session: AgentSession, change: FoundChange | undefined): Promise<object> {
    const located = await withLocations(answer, session, change);
    return change ? { ...located, reviewed: { compared: change.described.compared, files: change.described.files } } : located;
  }

  private session(request: TurnRequest, args: Common, options: ExecutionOptions, wanted: Partial<Placing> & { isReading?: boolean } = {}): Promise<AgentSession> {
    const { agent, correlationId } = request;
    const ofCaller = args.url === undefined ? request.workspace : undefined;
    const workspace = args.workspace === undefined ? ofCaller : chosen(args.workspace, args.workspace_mode);
    const session = this.sessions.acquire({ agent, workspace, epoch: options.epoch, correlationId, ...wanted }, notifier(options));
    // A cancelled turn does not wait for its agent; the connection is kept for the next one.
    return unlessAborted(options.signal, session, () => this.sessions.release(agent.key));
  }

  private async converse(conversation: Conversation, turn: CodexTurn, options: ExecutionOptions): Promise<TurnCollector> {
    const { outcome, collector } = await runCodexTurn(conversation, turn, { ...options, approve: options.approvals.approve });
    if (outcome.status === 'failed') throw outcome.error;
    if (outcome.status === 'interrupted') throw new AppError('turn_interrupted', 'The turn was interrupted before it was done. Look at what it left in the workspace, then call again.');
    return collector;
  }

  /** Codex does not check what the model says against the schema; one more turn may mend it. */
  private async answer(tool: TurnTool, conversation: Conversation, turn: CodexTurn, first: TurnCollector, options: ExecutionOptions) {
    const parsed = parseAnswer(tool, first.finalMessage);
    if (parsed.ok) return parsed.answer;
    options.push({ type: 'status', message: 'The answer did not fit the tool; asking Codex to mend it' });
    const text = `${parsed.problem}\n\nReply again with the same content, only as JSON that fits the schema.`;
    const repair = await this.converse(conversation, { ...turn, clientId: repairIdOf(turn.clientId), text }, options);
    first.include(repair);
    const again = parseAnswer(tool, repair.finalMessage);
    if (again.ok) return again.answer;
    throw new AppError('answer_invalid', `Codex's answer did not fit what ${tool.name} returns, also after one repair. ${again.problem}`, { detail: repair.finalMessage || first.finalMessage });
  }
}

const chosen = (workspace: string, mode: WorkspaceMode | undefined): WorkspaceChoice => (workspace === OWN_WORKSPACE ? { own: true } : { path: workspace, mode });

const notifier = (options: ExecutionOptions) => (message: string): void => options.push({ type: 'status', message });

/** Before the agent was at work, its failure to start is the caller's to know, but not that the way to it broke; afterwards both may pass. */
const isTransient = (error: unknown, hasBegun: boolean): boolean =>
  error instanceof ConnectionLostError || error instanceof UnreachableError || (hasBegun && error instanceof AppError && TRANSIENT.has(error.code));

/** What was done to a workspace when the way to it broke is for the caller to see, and not to be done twice; where that does no harm, it is tried again. */
function lostIn({ access, annotations }: WorkspaceTool, error: unknown): never {
  if (!(error instanceof UnreachableError)) throw error;
  const isRepeatable = access === 'read' && !annotations.destructiveHint;
  throw isRepeatable ? new ConnectionLostError(error.message) : new AppError('turn_interrupted', 'The agent was lost while this was done to its workspace. Look at the workspace, then call again.', { cause: error });
}

function facts(request: TurnRequest, threadId: string, turn: CodexTurn, { usage, commands }: TurnCollector): Omit<TurnFacts, 'duration_ms'> {
  return {
    turn_id: request.turnId,
    agent_id: request.agent.agentId,
    thread_id: threadId,
    model: turn.model,
    commands,
    ...(usage && {
      usage: { input_tokens: usage.inputTokens, cached_input_tokens: usage.cachedInputTokens, output_tokens: usage.outputTokens, reasoning_tokens: usage.reasoningTokens },
    }),
  };
}

/** Tools that are there to change files always tell their changes, others only when there are any. */
function reported(tool: TurnTool, changes: Changes | undefined): Pick<TurnFacts, 'changes'> {
  if (!changes) return {};
  const isOptional = tool.output.shape['changes']?.safeParse(undefined).success ?? true;
  return isOptional && changes.files.length === 0 ? {} : { changes };
}
