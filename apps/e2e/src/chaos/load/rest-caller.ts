import { setTimeout as delay } from 'node:timers/promises';
import { directive } from '../../stack/calls.js';
import { isNoAnswer } from '../../stack/rest.js';
import type { Step } from '@codex-mcp/testing';
import { z } from 'zod';
import type { Submitted } from './turn-load.js';

const RETRY_PAUSE_MS = 200;
const GIVE_UP_MS = 120_000;

const Answer = z.object({ turn_id: z.string() });
const Problem = z.object({ code: z.string(), detail: z.string(), turn_id: z.string().optional() });

type Outcome = { readonly turnId?: string | undefined } & ({ readonly isAnswer: true } | { readonly isAnswer: false; readonly retry: boolean; readonly reason: string });

/** A client over REST that repeats a call with its key, at the next edge, when nobody is there, or when it is told that it may. */
export class RestCaller {
  readonly answered: Submitted[] = [];
  readonly failures: string[] = [];
  retries = 0;
  /** Calls that their edge left after it had told them their turn, and that were then answered elsewhere. */
  rejoined = 0;
  private count = 0;
  private edge = 0;

  constructor(
    private readonly urls: readonly string[],
    private readonly agentId: string,
  ) {}

  /** One call until it is answered; what it failed with is kept. */
  async call(steps: Step[]): Promise<void> {
    const mark = `[mark ${this.agentId} ${++this.count}]`;
    const body = JSON.stringify({ agent_id: this.agentId, message: `${mark} ${directive(...steps)}`, write: true });
    const turnIds = new Set<string>();
    let reason = '';
    for (const deadline = Date.now() + GIVE_UP_MS; Date.now() < deadline; await delay(RETRY_PAUSE_MS)) {
      const wasTold = turnIds.size > 0;
      const outcome = await this.attempt(body, mark);
      if (outcome.turnId !== undefined) turnIds.add(outcome.turnId);
      if (turnIds.size > 1) return void this.failures.push(`${mark} became ${[...turnIds].join(' and ')}`);
      if (outcome.isAnswer) {
        this.rejoined += wasTold ? 1 : 0;
        return void this.answered.push({ turnId: outcome.turnId ?? '', agentId: this.agentId, mark });
      }
      if (!outcome.retry) return void this.failures.push(`${mark} ${outcome.reason}`);
      ({ reason } = outcome);
      this.retries += 1;
      this.edge += 1;
    }
    this.failures.push(`${mark} was not answered within ${GIVE_UP_MS} ms, lastly because ${reason}`);
  }

  private async attempt(body: string, mark: string): Promise<Outcome> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': mark };
    try {
      const response = await fetch(`${this.urls[this.edge % this.urls.length]}/tools/chat`, { method: 'POST', body, headers });
      const answer: unknown = await response.json();
      if (response.ok) return { isAnswer: true, turnId: Answer.parse(answer).turn_id };
      const { code, detail, turn_id: turnId } = Problem.parse(answer);
      return { isAnswer: false, turnId, retry: code === 'service_unavailable', reason: `${code}: ${detail}` };
    } catch (error) {
      if (isNoAnswer(error)) return { isAnswer: false, retry: true, reason: String(error) };
      throw error;
    }
  }
}
