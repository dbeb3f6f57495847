import type { TurnEvent } from '@codex-mcp/contracts';
import type { AgentSession } from '../agents/agent-session.js';
import { TakenOverError } from '../agents/taken-over.errors.js';
import { unlessAborted } from '../turns/abort.js';

const OUTPUT_BYTES = 1024 * 1024;
const SHOWN_CHARACTERS = 16_000;
/** How often a command that is at work is told of, which also puts off the end of a turn without a sign of life. */
const TOLD_EVERY_MS = 15_000;
/** What Codex says of a command that it has killed for its time. */
const LATE = 124;
const UNCONFINED = { type: 'dangerFullAccess' };

export type CommandOptions = { push: (event: TurnEvent) => void; signal: AbortSignal };
/** `doing`: what people are told that it is for. */
export type AgentCommand = { id: string; command: string; timeoutMs: number; doing: string };

/**
 * Runs a shell line of the repository's where the agent lives, held in as the agent's own commands are, as an item of the
 * turn's log. It is killed when its time is over or `signal` aborts, which rejects.
 */
export async function runAgentCommand(session: Pick<AgentSession, 'codex' | 'placement' | 'sandboxPolicy'>, { id, command, timeoutMs, doing }: AgentCommand, { push, signal }: CommandOptions): Promise<{ exitCode: number; isLate: boolean }> {
  const startedAt = performance.now();
  const passedMs = () => Math.round(performance.now() - startedAt);
  const item = { type: 'command' as const, id, command };
  push({ type: 'item_started', item: { ...item, status: 'running' } });
  const telling = setInterval(() => push({ type: 'status', message: `${doing}: ${command.slice(0, 100)} (${Math.round(passedMs() / 1000)} s)` }), TOLD_EVERY_MS);
  const work = session.codex.exec(['sh', '-c', `exec 2>&1\n${command}`], {
    cwd: session.placement.cwd,
    timeoutMs,
    outputBytesCap: OUTPUT_BYTES,
    sandboxPolicy: session.sandboxPolicy('write') ?? UNCONFINED,
    processId: id,
  });
  try {
    const { exitCode, stdout } = await unlessAborted(signal, work);
    const isLate = exitCode === LATE && passedMs() >= timeoutMs;
    const output = stdout.length > SHOWN_CHARACTERS ? `…${stdout.slice(-SHOWN_CHARACTERS)}` : stdout;
    push({ type: 'item_completed', item: { ...item, status: exitCode === 0 ? 'completed' : 'failed', exitCode, durationMs: passedMs(), output } });
    return { exitCode, isLate };
  } catch (error) {
    if (signal.aborted && !(signal.reason instanceof TakenOverError)) await session.codex.terminate(id).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(telling);
  }
}
