import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

const TIMEOUT_MS = 60_000;
const Listed = z.looseObject({ result: z.looseObject({ tools: z.array(z.unknown()).min(1) }) });

/** A session of an MCP client that keeps nothing in memory, so that thousands fit in this process. */
export class RawSession {
  private readonly over = new AbortController();

  private constructor(
    private readonly url: string,
    private readonly id: string,
  ) {}

  static async open(url: string, name: string): Promise<RawSession> {
    const params = { protocolVersion: LATEST_PROTOCOL_VERSION, capabilities: {}, clientInfo: { name, version: '1.0.0' } };
    const answer = await post(url, {}, { id: 1, method: 'initialize', params });
    await answer.text();
    const session = new RawSession(url, answer.headers.get('mcp-session-id') ?? '');
    await (await post(url, session.headers, { method: 'notifications/initialized' })).text();
    return session;
  }

  /** Opens the stream on which the server speaks by itself. */
  async listen(): Promise<void> {
    const { status } = await fetch(`${this.url}/mcp`, { headers: { ...this.headers, accept: 'text/event-stream' }, signal: this.over.signal });
    if (status !== 200) throw new Error(`the stream of a session was answered with ${status}`);
  }

  /** Throws when the server does not know the session any more. */
  async assertServed(): Promise<void> {
    const answer = await post(this.url, this.headers, { id: 2, method: 'tools/list' });
    const text = await answer.text();
    Listed.parse(JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text));
  }

  async close(): Promise<void> {
    this.over.abort();
  }

  private get headers(): Record<string, string> {
    return { 'mcp-session-id': this.id, 'mcp-protocol-version': LATEST_PROTOCOL_VERSION };
  }
}

async function post(url: string, headers: Record<string, string>, message: object): Promise<Response> {
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`a session was answered with ${answer.status}: ${await answer.text()}`);
  return answer;
}
