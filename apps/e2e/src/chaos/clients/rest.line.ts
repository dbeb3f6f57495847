import { z } from 'zod';
import { openEvents } from '../../handles/event-stream.js';
import type { Output } from '../../stack/calls.js';
import { isNoAnswer } from '../../stack/rest.js';
import { type Call, type Dialect, type Line, LineBroken } from './line.js';
import { FrameTranscript } from './transcript.js';

const Job = z.object({ turn_id: z.string() });
const Answer = z.object({ structuredContent: z.record(z.string(), z.unknown()) });
const Problem = z.object({ code: z.string(), detail: z.string() });

/** Jobs over REST, their events as a stream that is resumed with Last-Event-ID. */
export const rest: Dialect = {
  name: 'REST',
  newTranscript: () => new FrameTranscript(),
  async dial(url, transcript) {
    await reach(`${url}/health`);
    return new RestLine(url, () => transcript() as FrameTranscript);
  },
};

class RestLine implements Line {
  constructor(
    private readonly url: string,
    private readonly transcript: () => FrameTranscript,
  ) {}

  async start(call: Call): Promise<string> {
    return Job.parse(await this.post(call, { prefer: 'respond-async' })).turn_id;
  }

  async readOn(turnId: string): Promise<void> {
    const transcript = this.transcript();
    const { status, frames, ended } = await openEvents(this.url, turnId, transcript.frames.at(-1)?.id).catch(broken);
    if (status >= 300) throw status === 503 ? new LineBroken('the edge answers 503') : new Error(`the events of ${turnId} were answered with ${status}`);
    await ended;
    transcript.frames.push(...frames());
    if (!transcript.hasEnded && status !== 204) throw new LineBroken('the stream broke off');
  }

  async wait(call: Call): Promise<Output> {
    return Answer.parse(await this.post(call, {})).structuredContent;
  }

  async close(): Promise<void> {}

  private async post({ agentId, mark, message }: Call, more: Record<string, string>): Promise<unknown> {
    const body = JSON.stringify({ agent_id: agentId, message, write: true });
    const headers = { 'content-type': 'application/json', 'idempotency-key': mark, ...more };
    const response = await reach(`${this.url}/tools/chat`, { method: 'POST', body, headers });
    const answer: unknown = await response.json().catch(broken);
    if (response.ok) return answer;
    const { code, detail } = Problem.parse(answer);
    throw code === 'service_unavailable' ? new LineBroken(detail) : new Error(`${code}: ${detail}`);
  }
}

const reach = (url: string, init: RequestInit = {}): Promise<Response> => fetch(url, init).catch(broken);

function broken(error: unknown): never {
  throw isNoAnswer(error) ? new LineBroken(String(error)) : error;
}
