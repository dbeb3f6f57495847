import { type ApprovalHandler, type ApprovalPolicy, type Turn, UnreachableError } from '@codex-mcp/codex';
import { AppError, type TurnEvent } from '@codex-mcp/contracts';
import type { AgentSession, Conversation } from '../agents/agent-session.js';
import { TakenOverError } from '../agents/taken-over.errors.js';
import { type CodexOutcome, TurnCollector } from './turn-collector.js';

export type CodexTurn = {
  /** Names the turn to Codex; found again in its history after a crash. */
  clientId: string;
  text: string;
  access: 'read' | 'write';
  model: string;
  effort?: string | undefined;
  approvalPolicy: ApprovalPolicy;
  outputSchema?: object | undefined;
};

/** The connection ended while Codex may be at work; the turn may be found again over a new one. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/**
 * Runs one turn of Codex to its end, and interrupts it when `signal` aborts.
 * `mayHaveBegun`: look in Codex's history first, so that no work is done twice.
 */
export async function runCodexTurn(
  conversation: Conversation,
  turn: CodexTurn,
  options: { mayHaveBegun: boolean; push: (event: TurnEvent) => void; signal: AbortSignal; onBegun: () => void; onRunning: (steer: (text: string) => Promise<void>) => void; approve: ApprovalHandler },
): Promise<{ outcome: CodexOutcome; collector: TurnCollector }> {
  const { session, thread } = conversation;
  const collector = new TurnCollector(options, thread.usage);
  const ignore = session.codex.onTurn(thread.codexThreadId, (notification) => collector.receive(notification));
  const unasked = session.codex.onApproval(thread.codexThreadId, options.approve);
  const connection = watchConnection(session);
  try {
    const begun = options.mayHaveBegun ? await findTurn(conversation, turn.clientId) : undefined;
    const codexTurnId = begun ? rejoin(begun, collector) : await Promise.race([start(conversation, turn), connection.lost]);
    options.onRunning((text) => session.codex.steer(thread.codexThreadId, codexTurnId, text));
    const outcome = await Promise.race([ended(conversation, collector, codexTurnId, options.signal), connection.lost]);
    return { outcome, collector };
  } catch (error) {
    // Also for what was asked when it ended: nobody can tell whether Codex heard it.
    throw error instanceof UnreachableError ? new ConnectionLostError(error.message) : error;
  } finally {
    thread.usage = collector.threadUsage ?? thread.usage;
    ignore();
    unasked();
    connection.ignore();
  }
}

/** `lost` rejects when the connection ends; also what the agent was asked at that moment counts as lost. */
function watchConnection(session: AgentSession): { lost: Promise<never>; ignore: () => void } {
  let ignore: () => void = () => undefined;
  const lost = new Promise<never>((_, reject) => {
    ignore = session.codex.onClose(() => reject(new ConnectionLostError('The connection to the agent ended.')));
  });
  lost.catch(() => undefined);
  return { lost, ignore };
}

/** Codex's own end of the turn; after an abort, at the latest when Codex has had its time to stop it. */
async function ended(conversation: Conversation, collector: TurnCollector, codexTurnId: string, signal: AbortSignal): Promise<CodexOutcome> {
  const interrupted = new Promise<CodexOutcome>((resolve) => {
    const interrupt = () => void stop(conversation, codexTurnId, signal.reason).then(() => resolve({ status: 'interrupted' }));
    if (signal.aborted) interrupt();
    else signal.addEventListener('abort', interrupt, { once: true });
  });
  const outcome = await Promise.race([collector.outcome, interrupted]);
  // Codex says that the turn is over before its commands are.
  return signal.aborted ? interrupted : outcome;
}

async function stop({ session, thread }: Conversation, codexTurnId: string, reason: unknown): Promise<void> {
  if (reason instanceof TakenOverError) return session.codex.close();
  await session.codex.interrupt(thread.codexThreadId, codexTurnId).catch(() => session.codex.close());
}

async function start({ session, thread }: Conversation, turn: CodexTurn): Promise<string> {
  // A shell that a turn which could write left open would still take what it is told, and is held by nothing.
  if (turn.access === 'read') await session.codex.endCommands(thread.codexThreadId);
  return session.codex.startTurn({
    threadId: thread.codexThreadId,
    clientUserMessageId: turn.clientId,
    text: turn.text,
    model: turn.model,
    effort: turn.effort ?? session.effortOf(turn.model),
    approvalPolicy: turn.approvalPolicy,
    sandboxPolicy: session.sandboxPolicy(turn.access),
    environments: session.environmentsOf(turn.access),
    outputSchema: turn.outputSchema,
  });
}

/** The turn in Codex's own history, as far as it has begun. */
export async function findTurn({ session, thread }: Conversation, clientId: string): Promise<Turn | undefined> {
  const turns = await session.codex.readTurns(thread.codexThreadId).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    return []; // a thread without a first turn has no history to read
  });
  return turns.findLast(({ items }) => items.some((item) => item.type === 'userMessage' && item.clientId === clientId)) ?? turns.slice(-1).find(isBeginning);
}

/** Codex compacts before it writes the message down; a thread has one turn at a time, so this is the one that is looked for. */
const isBeginning = ({ status, items }: Turn): boolean => status === 'inProgress' && !items.some(({ type }) => type === 'userMessage');

function rejoin(turn: Turn, collector: TurnCollector): string {
  collector.replay(turn.items);
  if (turn.status !== 'inProgress') collector.end(turn.status, turn.error);
  return turn.id;
}
