import { setTimeout as delay } from 'node:timers/promises';
import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import type { TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import { z } from 'zod';

const ITEM = 'item';
const Frame = z.object({ event: z.looseObject({ type: z.string(), text: z.string().optional() }) });

/** A turn without an agent, whose log is written by this process in place of a worker. */
export class PlayedLog {
  private played = 0;

  private constructor(
    private readonly turns: TurnStore,
    private readonly request: TurnRequest,
    private readonly attempt: number,
    private seq: number,
  ) {}

  static async begin(turns: TurnStore, agentId: string): Promise<PlayedLog> {
    const agent = { key: agentKey('local', agentId), tenant: 'local', agentId };
    const request = { turnId: newTurnId(), tool: 'chat', agent, arguments: { message: 'x' }, correlationId: 'bench', acceptedAtMs: Date.now() };
    await turns.accept(request, 1);
    const claim = await turns.claim(request.turnId, agent.key, { holder: 'bench', token: 'bench' });
    if (claim.outcome !== 'claimed') throw new Error(`the turn of ${agentId} could not be claimed: ${claim.outcome}`);
    return new PlayedLog(turns, request, claim.attempts, claim.seq);
  }

  /** When each delta arrives at a reader of the log in this process. The list grows. */
  async follow(reader: TurnLogReader): Promise<number[]> {
    const arrivals: number[] = [];
    await reader.follow(this.request.turnId, ({ event }) => event.type === 'delta' && arrivals.push(performance.now()));
    return arrivals;
  }

  /** When each delta arrives at a client of `/jobs/<turn_id>/events`, up to the turn's end. Rejects when one is lost or out of order. */
  async receive(url: string): Promise<number[]> {
    const arrivals: number[] = [];
    const response = await fetch(`${url}/jobs/${this.request.turnId}/events`);
    let rest = '';
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      const frames = (rest + Buffer.from(chunk).toString()).split('\n\n');
      rest = frames.pop() ?? '';
      const now = performance.now();
      for (const text of frames.flatMap(deltasIn)) {
        if (text !== String(arrivals.length)) throw new Error(`delta ${text} came in place of ${arrivals.length}`);
        arrivals.push(now);
      }
    }
    if (arrivals.length !== this.played) throw new Error(`${arrivals.length} of ${this.played} deltas came`);
    return arrivals;
  }

  /** Writes `count` deltas, one every `everyMs`, and the turn's end. */
  async play(count: number, everyMs: number): Promise<void> {
    await delay(Math.random() * everyMs); // not all at the same moment
    const startedAt = performance.now();
    for (; this.played < count; this.played++) {
      await this.turns.append(this.request.turnId, this.attempt, ++this.seq, [{ type: 'delta', itemId: ITEM, text: String(this.played) }]);
      await delay(Math.max(0, startedAt + (this.played + 1) * everyMs - performance.now()));
    }
    await this.turns.finish(this.request, this.attempt, this.seq + 1, { type: 'completed', output: {} });
  }
}

function deltasIn(frame: string): string[] {
  const [, data] = /^data: (.*)$/m.exec(frame) ?? [];
  if (data === undefined) return [];
  const { event } = Frame.parse(JSON.parse(data));
  return event.type === 'delta' && event.text !== undefined ? [event.text] : [];
}
