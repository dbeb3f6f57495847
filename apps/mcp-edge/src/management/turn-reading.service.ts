import { type AgentIdentity, isTerminal, isTerminalEvent, type TurnRecord } from '@codex-mcp/contracts';
import { type LogEntry, TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import type { ArgumentsOf, MANAGEMENT_TOOLS, OutputOf, TurnView } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { ApprovalDesk } from '../approvals/approval-desk.service.js';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { isNews, transcriptOf } from './turn-transcript.js';

type GetTurn = (typeof MANAGEMENT_TOOLS)['get_turn'];
type Page = { readonly entries: readonly LogEntry[]; readonly cursor: string; readonly more: boolean };

const BEGINNING = '0-0';
const DEFAULT_TURNS = 20;
const MAX_PAGE_ENTRIES = 1000;
const MAX_PAGE_CHARACTERS = 60_000;
/** A reader is not woken for every word of a message. */
const SPEECH_MS = 1000;

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

/** The tools `get_turn` and `list_turns`: turns and their logs for whoever comes later. */
@Injectable()
export class TurnReading {
  private readonly waiting = new Set<() => void>();
  private isReleased = false;

  constructor(
    private readonly turns: TurnStore,
    private readonly lookup: TurnLookup,
    private readonly reader: TurnLogReader,
    private readonly approvals: ApprovalDesk,
  ) {}

  /** Throws `unknown_turn`. */
  async get(tenant: string, { turn_id: turnId, cursor = BEGINNING, wait_s: waitS = 0 }: ArgumentsOf<GetTurn>): Promise<OutputOf<GetTurn>> {
    let record = await this.lookup.find(tenant, turnId);
    let page = await this.page(turnId, cursor);
    if (waitS > 0 && !this.isReleased && !page.more && !isTerminal(record.status) && transcriptOf(page.entries).length === 0) {
      await this.news(turnId, page.cursor, waitS * 1000);
      page = await this.page(turnId, page.cursor);
    }
    record = await this.lookup.find(tenant, turnId);
    // The end may have been written between the two reads.
    const isCut = isTerminal(record.status) && !page.more && !page.entries.some(({ event }) => isTerminalEvent(event));
    if (isCut) page = await this.page(turnId, cursor);
    return { ...viewOf(record), events: transcriptOf(page.entries), next_cursor: page.cursor, more: page.more, ...(await this.approvals.pending(record)), ...endOf(record) };
  }

  /** Resolves when the turn has ended, or at the deadline (epoch ms). Throws `unknown_turn`. */
  async ended(tenant: string, turnId: string, deadlineMs: number): Promise<void> {
    for (let cursor = BEGINNING; ; ) {
      const { status } = await this.lookup.find(tenant, turnId);
      const leftMs = deadlineMs - Date.now();
      if (isTerminal(status) || leftMs <= 0 || this.isReleased) return;
      const page = await this.page(turnId, cursor);
      cursor = page.cursor;
      // It ended between the two reads; nothing comes after that.
      if (page.entries.some(({ event }) => isTerminalEvent(event))) return;
      if (!page.more) await this.news(turnId, cursor, leftMs);
    }
  }

  async list(agent: AgentIdentity, limit = DEFAULT_TURNS): Promise<OutputOf<(typeof MANAGEMENT_TOOLS)['list_turns']>> {
    const records = await this.turns.list(agent.key, limit);
    return {
      agent_id: agent.agentId,
      turns: records.map((record): TurnView => {
        const { error } = endOf(record);
        return { ...viewOf(record), ...(error && { error_code: error.code }) };
      }),
    };
  }

  /** Answers all who still wait with what there is, because this process ends. */
  release(): void {
    this.isReleased = true;
    for (const wake of this.waiting) wake();
  }

  private async page(turnId: string, after: string): Promise<Page> {
    const all = await this.reader.read(turnId, after, MAX_PAGE_ENTRIES);
    let characters = 0;
    const fitting = all.findIndex(({ event }, index) => (characters += JSON.stringify(event).length) > MAX_PAGE_CHARACTERS && index > 0 && !isTerminalEvent(event));
    const entries = fitting < 0 ? all : all.slice(0, fitting);
    return { entries, cursor: entries.at(-1)?.id ?? after, more: entries.length < all.length || all.length === MAX_PAGE_ENTRIES };
  }

  /** Resolves when the log has something to tell after the cursor, or after the time. */
  private async news(turnId: string, after: string, timeoutMs: number): Promise<void> {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const timer = setTimeout(wake, timeoutMs);
    let speech: NodeJS.Timeout | undefined;
    this.waiting.add(wake);
    const leave = await this.reader.follow(turnId, ({ event }) => (isNews(event) ? wake() : event.type === 'delta' && (speech ??= setTimeout(wake, SPEECH_MS))), after).catch(() => undefined);
    try {
      await woken;
    } finally {
      clearTimeout(timer);
      clearTimeout(speech);
      this.waiting.delete(wake);
      leave?.();
    }
  }
}

/** A turn without what happened in it. */
export function viewOf({ request, threadId, status, startedAtMs, finishedAtMs }: TurnRecord): Omit<TurnView, 'error_code'> {
  return {
    turn_id: request.turnId,
    agent_id: request.agent.agentId,
    ...(threadId !== undefined && { thread_id: threadId }),
    tool: request.tool,
    status,
    accepted_at: iso(request.acceptedAtMs),
    ...(startedAtMs !== undefined && { started_at: iso(startedAtMs) }),
    ...(finishedAtMs !== undefined && { finished_at: iso(finishedAtMs) }),
  };
}

/** How a turn ended, if it has. */
export function endOf({ terminal }: TurnRecord): Pick<OutputOf<GetTurn>, 'result' | 'error'> {
  if (!terminal || !isTerminalEvent(terminal.event)) return {};
  return terminal.event.type === 'completed' ? { result: terminal.event.output } : { error: terminal.event.error };
}
