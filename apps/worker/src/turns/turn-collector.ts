import { isDeepStrictEqual } from 'node:util';
import { type ThreadItem, toAppError, toTurnItem, type TurnError, type TurnNotification } from '@codex-mcp/codex';
import { AppError, type TokenUsage, type TurnEvent, type TurnItem } from '@codex-mcp/contracts';
import type { RequestTokens } from '@codex-mcp/prices';
import { TestRuns } from '../test-runs/test-runs.js';

/** Items that cannot have changed a file. */
const HARMLESS = new Set<TurnItem['type']>(['message', 'reasoning', 'plan', 'compaction', 'review']);

export type CodexOutcome = { status: 'completed' } | { status: 'interrupted' } | { status: 'failed'; error: AppError };

type Command = { command: string; exit_code?: number; duration_ms?: number };

/**
 * Turns Codex's notifications about one turn into log events, and remembers what the result needs:
 * the final message, the commands and the tests among them, the tokens.
 */
export class TurnCollector {
  readonly commands: Command[] = [];
  readonly tests = new TestRuns();
  finalMessage = '';
  /** Whether anything was done that may have changed a file. */
  touched = false;
  private readonly requests: RequestTokens[] = [];
  private usageAfter: TokenUsage | undefined;
  private hasBegun = false;
  private settle: (outcome: CodexOutcome) => void = () => undefined;
  readonly outcome = new Promise<CodexOutcome>((resolve) => (this.settle = resolve));

  /** `usageBefore`: what Codex had counted for the thread before the turn, where that is known. */
  constructor(
    private readonly listener: { push: (event: TurnEvent) => void; onBegun: () => void },
    private usageBefore: TokenUsage | undefined,
  ) {}

  receive({ method, params }: TurnNotification): void {
    switch (method) {
      case 'item/started':
        return this.item('item_started', params.item);
      case 'item/completed':
        return this.item('item_completed', params.item);
      case 'item/agentMessage/delta':
        return this.listener.push({ type: 'delta', itemId: params.itemId, text: params.delta });
      case 'thread/tokenUsage/updated':
        return this.tokens(params.tokenUsage.total, params.tokenUsage.last);
      case 'error':
        if (params.willRetry) this.listener.push({ type: 'status', message: `Codex retries: ${params.error.message}` });
        return; // the last error comes again with the end of the turn
      case 'turn/completed':
        return this.end(params.turn.status, params.turn.error);
      case 'turn/started':
    }
  }

  /** Takes over items of a turn that ran while nobody was listening. */
  replay(items: ThreadItem[]): void {
    for (const item of items) this.item('item_completed', item);
  }

  end(status: string, error: TurnError | null | undefined): void {
    if (status === 'failed') this.settle({ status, error: toAppError(error) });
    else this.settle({ status: status === 'completed' ? 'completed' : 'interrupted' });
  }

  /** Takes over what a following turn did for the same call. */
  include(next: TurnCollector): void {
    this.commands.push(...next.commands);
    this.tests.include(next.tests);
    this.touched ||= next.touched;
    this.usageAfter = next.usageAfter ?? this.usageAfter;
    this.requests.push(...next.requests);
  }

  /** What Codex has counted for the thread up to now; undefined before it says so. */
  get threadUsage(): TokenUsage | undefined {
    return this.usageAfter;
  }

  /** Tokens of this turn alone; Codex counts for the whole thread. */
  get usage(): TokenUsage | undefined {
    const [before, after] = [this.usageBefore, this.usageAfter];
    if (!before || !after) return undefined;
    return {
      inputTokens: after.inputTokens - before.inputTokens,
      cachedInputTokens: after.cachedInputTokens - before.cachedInputTokens,
      outputTokens: after.outputTokens - before.outputTokens,
      reasoningTokens: after.reasoningTokens - before.reasoningTokens,
    };
  }

  /** The turn's requests to the model; undefined where not all of its tokens are known request by request. */
  get modelRequests(): readonly RequestTokens[] | undefined {
    const seen = { input: 0, output: 0 };
    for (const { input, output } of this.requests) {
      seen.input += input;
      seen.output += output;
    }
    return seen.input === this.usage?.inputTokens && seen.output === this.usage.outputTokens ? this.requests : undefined;
  }

  private item(type: 'item_started' | 'item_completed', from: ThreadItem): void {
    if (from.type === 'userMessage') this.begin();
    const item = toTurnItem(from);
    if (!item) return;
    if (!HARMLESS.has(item.type)) this.touched = true;
    if (type === 'item_completed') this.remember(item, from);
    else if (item.type === 'message') return; // its first delta says the same
    this.listener.push({ type, item });
  }

  /** Before it writes the message down, Codex may compact what was there. */
  private begin(): void {
    this.hasBegun = true;
    this.listener.onBegun();
  }

  private remember(item: TurnItem, from: ThreadItem): void {
    if (item.type === 'message' && !item.interim) this.finalMessage = item.text;
    if (item.type !== 'command') return;
    const { command, exitCode, durationMs } = item;
    // The log's copy of the output is cut before the summary of a long one.
    this.tests.add({ command, exitCode, durationMs, output: from.type === 'commandExecution' ? (from.aggregatedOutput ?? undefined) : undefined });
    this.commands.push({ command, ...(exitCode !== undefined && { exit_code: exitCode }), ...(durationMs !== undefined && { duration_ms: durationMs }) });
  }

  private tokens(total: CodexUsage, last: CodexUsage): void {
    const known = this.usageAfter ?? this.usageBefore;
    this.usageAfter = usageOf(total);
    // The first count of a compaction before the turn's message repeats that of the turn before.
    this.usageBefore ??= this.hasBegun ? usageOf(difference(total, last)) : usageOf(total);
    const isRepeated = known ? isDeepStrictEqual(known, this.usageAfter) : !this.hasBegun;
    if (!isRepeated) this.requests.push({ input: last.inputTokens, cached: last.cachedInputTokens, cacheWrites: last.cacheWriteInputTokens, output: last.outputTokens });
    if (this.usage) this.listener.push({ type: 'usage', usage: this.usage });
  }
}

type CodexUsage = { inputTokens: number; cachedInputTokens: number; cacheWriteInputTokens: number; outputTokens: number; reasoningOutputTokens: number };

const difference = (total: CodexUsage, last: CodexUsage): Omit<CodexUsage, 'cacheWriteInputTokens'> => ({
  inputTokens: total.inputTokens - last.inputTokens,
  cachedInputTokens: total.cachedInputTokens - last.cachedInputTokens,
  outputTokens: total.outputTokens - last.outputTokens,
  reasoningOutputTokens: total.reasoningOutputTokens - last.reasoningOutputTokens,
});

const usageOf = (usage: Omit<CodexUsage, 'cacheWriteInputTokens'>): TokenUsage => ({
  inputTokens: usage.inputTokens,
  cachedInputTokens: usage.cachedInputTokens,
  outputTokens: usage.outputTokens,
  reasoningTokens: usage.reasoningOutputTokens,
});
