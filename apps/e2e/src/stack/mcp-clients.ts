import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

export type Headers = Readonly<Record<string, string>>;

/** Connected clients of the real SDK, over both transports. */
export class McpClients {
  private readonly open: Client[] = [];

  constructor(private readonly url: string) {}

  /** `name`: what the client calls itself, which is also its agent unless it says otherwise. */
  sse(name: string, headers: Headers = {}): Promise<Client> {
    return this.connect(name, new SSEClientTransport(new URL(`${this.url}/sse`), { requestInit: { headers } }));
  }

  http(name: string, headers: Headers = {}): Promise<Client> {
    return this.connect(name, new StreamableHTTPClientTransport(new URL(`${this.url}/mcp`), { requestInit: { headers } }));
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled(this.open.splice(0).map((client) => client.close()));
  }

  private async connect(name: string, transport: Transport): Promise<Client> {
    const client = new Client({ name, version: '1.0.0' });
    try {
      await client.connect(transport);
    } catch (error) {
      await transport.close(); // one over SSE would go on trying
      throw error;
    }
    this.open.push(client);
    return client;
  }
}
