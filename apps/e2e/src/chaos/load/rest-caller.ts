import { setTimeout as delay } from 'node:timers/promises';
import { directive } from '../../stack/calls.js';
import type { Step } from '@codex-mcp/testing';
import { z } from 'zod';
import type { Submitted } from './turn-load.js';

const RETRY_PAUSE_MS = 200;
const GIVE_UP_MS = 120_000;

const Answer = z.object({ turn_id: z.string() });
const Problem = z.object({ code: z.string(), detail: z.string(), retryable: z.boolean() });

/** A client over REST that repeats a call with its key when nobody is there, or when it is told that it may. */
export class RestCaller {
  readonly answered: Submitted[] = [];
  readonly failures: string[] = [];
  retries = 0;
  private count = 0;

  constructor(
    private readonly url: string,
    private readonly agentId: string,
  ) {}

  /** One call until it is answered; what it failed with is kept. */
  async call(steps: Step[]): Promise<void> {
    const mark = `[mark ${this.agentId} ${++this.count}]`;
    const body = JSON.stringify({ agent_id: this.agentId, message: `${mark} ${directive(...steps)}` });
    for (const deadline = Date.now() + GIVE_UP_MS; Date.now() < deadline; await delay(RETRY_PAUSE_MS)) {
      const outcome = await this.attempt(body, mark);
      if ('turnId' in outcome) return void this.answered.push({ turnId: outcome.turnId, agentId: this.agentId, mark });
      if (!outcome.retry) return void this.failures.push(`${mark} ${outcome.reason}`);
      this.retries += 1;
    }
    this.failures.push(`${mark} was not answered within ${GIVE_UP_MS} ms`);
  }

  private async attempt(body: string, mark: string): Promise<{ turnId: string } | { retry: boolean; reason: string }> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': mark };
    try {
      const response = await fetch(`${this.url}/tools/chat`, { method: 'POST', body, headers });
      const answer: unknown = await response.json();
      if (response.ok) return { turnId: Answer.parse(answer).turn_id };
      const { code, detail } = Problem.parse(answer);
      return { retry: code === 'service_unavailable', reason: `${code}: ${detail}` };
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return { retry: true, reason: String(error) }; // no connection, or it broke
      throw error;
    }
  }
}
