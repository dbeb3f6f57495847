import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { TestEdge } from './edge.fixture.js';

/** A client of revision 2026-07-28, by the SDK that speaks it. */
export async function connectModernClient(edge: TestEdge, { name = 'Modern Client', headers = {}, query = '' }: { name?: string; headers?: Record<string, string>; query?: string } = {}): Promise<Client> {
  const client = new Client({ name, version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${edge.url}/mcp${query}`), { requestInit: { headers } }));
  return client;
}
