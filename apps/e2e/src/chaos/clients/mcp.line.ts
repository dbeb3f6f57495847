import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ErrorBody } from '@codex-mcp/contracts';
import { getTurn, pollToEnd } from '../../handles/handle-calls.js';
import { call, type Output } from '../../stack/calls.js';
import { McpClients } from '../../stack/mcp-clients.js';
import { type Call, type Dialect, type Line, LineBroken } from './line.js';
import { PageTranscript } from './transcript.js';

const WAIT_S = 5;
const CALL_TIMEOUT_MS = 60_000;

/** The SDK's client over one of its transports; it reads with `get_turn` and a cursor. */
const over = (name: string, connect: (clients: McpClients) => Promise<Client>): Dialect => ({
  name,
  newTranscript: () => new PageTranscript(),
  async dial(url, transcript) {
    const client = await connect(new McpClients(url)).catch((error: unknown) => {
      throw new LineBroken(String(error));
    });
    return new McpLine(client, () => transcript() as PageTranscript);
  },
});

export const streamableHttp = over('/mcp', (clients) => clients.http('chaos'));
export const httpAndSse = over('/sse', (clients) => clients.sse('chaos'));

class McpLine implements Line {
  private readonly gone: Promise<never>;

  constructor(
    private readonly client: Client,
    private readonly transcript: () => PageTranscript,
  ) {
    // The SDK leaves a call whose connection is gone without an answer until its time is over.
    this.gone = new Promise((_, reject) => {
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a client is no EventTarget
      client.onerror = (error) => reject(new LineBroken(error.message));
    });
    this.gone.catch(() => undefined);
  }

  async start(one: Call): Promise<string> {
    const { agentId, mark, message } = one;
    return String((await this.ask('start', { agent_id: agentId, tool: 'chat', arguments: { message, write: true, idempotency_key: mark } }))['turn_id']);
  }

  async readOn(turnId: string): Promise<void> {
    const transcript = this.transcript();
    for (let isOver = false; !isOver; ) {
      const page = await this.unlessGone(getTurn(this.client, turnId, { wait_s: WAIT_S, ...(transcript.cursor !== undefined && { cursor: transcript.cursor }) }));
      transcript.events.push(...page.events);
      transcript.cursor = page.next_cursor;
      isOver = !page.more && page.status !== 'queued' && page.status !== 'running';
    }
    transcript.whole = (await this.unlessGone(pollToEnd(this.client, turnId))).events;
  }

  wait({ agentId, mark, message }: Call): Promise<Output> {
    return this.ask('chat', { agent_id: agentId, message, write: true, idempotency_key: mark });
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private async ask(tool: string, args: Output): Promise<Output> {
    const result = await this.unlessGone(call(this.client, tool, args, { timeout: CALL_TIMEOUT_MS }));
    if (!result.isError) return result.structuredContent ?? {};
    const { code, message } = ErrorBody.parse(result._meta?.['codex-mcp/error']);
    throw code === 'service_unavailable' ? new LineBroken(message) : new Error(`${code}: ${message}`);
  }

  /** A request that could not be sent fails by itself; the reason why it could not comes to `onerror`. */
  private unlessGone<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.gone, work.catch((error: unknown) => Promise.race([this.gone, Promise.reject(error)]))]);
  }
}
