import type { AppServerClient, OpenThread, Turn } from '@codex-mcp/codex';
import type { AgentIdentity, ForkOrigin, ThreadRecord, TokenUsage } from '@codex-mcp/contracts';
import type { Lease, ThreadStore } from '@codex-mcp/messaging';
import { TakenOverError } from './taken-over.errors.js';

const LOST = 'The earlier conversation of this thread is not there any more; it begins anew';

/** A thread that Codex has loaded. */
export type AgentThread = {
  readonly codexThreadId: string;
  /** Tokens that Codex has counted for it; Codex repeats them before it counts on, for example when it compacts. */
  usage: TokenUsage | undefined;
};

/** An agent's threads over one connection to its Codex, each opened when a turn needs it. */
export class AgentThreads {
  private readonly opened = new Map<string, AgentThread>();

  constructor(
    private readonly codex: AppServerClient,
    private readonly agent: AgentIdentity,
    private readonly store: ThreadStore,
    private readonly lease: Lease & { epoch: number },
    private readonly options: OpenThread,
  ) {}

  /** `notify` tells of a history that was lost. Throws TakenOverError where another worker holds the agent by now. */
  async open(threadId: string, notify: (message: string) => void): Promise<AgentThread> {
    const known = this.opened.get(threadId);
    if (known) return known;
    const record = await this.store.get(this.agent.key, threadId);
    const thread = { codexThreadId: (await this.resume(record)) ?? (await this.begin(threadId, record, notify)), usage: undefined };
    this.opened.set(threadId, thread);
    return thread;
  }

  private async resume(record: ThreadRecord | undefined): Promise<string | undefined> {
    if (record?.codexThreadId === undefined) return undefined;
    return (await this.codex.resumeThread(record.codexThreadId, this.options))?.threadId;
  }

  /** Codex's id is written down before a turn can begin, so that whoever comes next finds all turns. */
  private async begin(threadId: string, record: ThreadRecord | undefined, notify: (message: string) => void): Promise<string> {
    const forked = record?.forkedFrom && (await this.fork(record.forkedFrom));
    if (!forked && record && (record.turns > 0 || record.forkedFrom)) notify(LOST);
    const { threadId: codexThreadId } = forked ?? (await this.codex.startThread(this.options));
    if (!(await this.store.bind(this.agent.key, threadId, codexThreadId, this.lease))) throw new TakenOverError();
    return codexThreadId;
  }

  /** Undefined when the history is gone. */
  private fork({ codexThreadId, throughTurnId }: ForkOrigin) {
    return this.codex.forkThread(codexThreadId, (turn) => belongsTo(turn, throughTurnId), this.options);
  }
}

/** The id that Codex gets for the turn that mends a turn's answer. */
export const repairIdOf = (turnId: string): string => `${turnId}-repair`;

const belongsTo = ({ items }: Turn, turnId: string): boolean =>
  items.some((item) => item.type === 'userMessage' && (item.clientId === turnId || item.clientId === repairIdOf(turnId)));
