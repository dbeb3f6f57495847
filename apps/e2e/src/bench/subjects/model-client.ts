import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** Asks for a streamed answer again and again over one connection, as Codex does. */
export class ModelClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(
    private readonly place: { host: string; port: string } | { socketPath: string },
    private readonly body: string,
  ) {}

  /** Of so many answers, one after the other, from the request to the end of the stream. */
  async meanMs(count: number): Promise<number> {
    const startedAt = performance.now();
    for (let asked = 0; asked < count; asked++) await this.ask();
    return (performance.now() - startedAt) / count;
  }

  close(): void {
    this.agent.destroy();
  }

  private async ask(): Promise<void> {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(this.body) };
    const sent = request({ ...this.place, method: 'POST', path: '/v1/responses', agent: this.agent, headers });
    sent.end(this.body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const answer = await text(response);
    if (response.statusCode !== 200 || !answer.includes('response.completed')) throw new Error(`the model answered ${response.statusCode}: ${answer.slice(0, 200)}`);
  }
}
