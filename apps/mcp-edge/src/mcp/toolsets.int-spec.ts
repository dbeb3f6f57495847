import { eventually, startRedis } from '@codex-mcp/testing';
import { listTools, selectTools } from '@codex-mcp/tools';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { connectClient, TRANSPORTS } from '../testing/edge.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

let system: TestSystem;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  system = await startTestSystem(await startRedis());
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));
afterEach(async () => void (await Promise.all(closing.splice(0).map((close) => close()))));

type Options = { headers?: Record<string, string>; query?: string };

async function connectModernClient({ headers = {}, query = '' }: Options = {}): Promise<Client> {
  const client = new Client({ name: 'Modern Client', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${system.edge.url}/mcp${query}`), { requestInit: { headers } }));
  return client;
}

describe.each([...TRANSPORTS, 'modern'] as const)('over %s a client', (transport) => {
  const connect = async (options: Options = {}) => {
    const client = transport === 'modern' ? await connectModernClient(options) : await connectClient(system.edge, transport, options);
    closing.push(() => client.close());
    return client;
  };
  const listed = async (options: Options) => (await (await connect(options)).listTools()).tools;

  it('sees all tools, or those of the sets that its URL or a header names', async () => {
    expect(await listed({})).toEqual(listTools());
    expect(await listed({ query: '?toolset=core,threads' })).toEqual(selectTools('core,threads').listed);
    expect(await listed({ headers: { 'X-Toolset': 'agents' }, query: '?toolset=core' })).toEqual(selectTools('agents').listed);
  });

  it('sees what changes nothing where it asks for that', async () => {
    expect(await listed({ query: '?toolset=core&readonly=true' })).toEqual(selectTools('core,readonly').listed);
    expect(await listed({ headers: { 'X-Readonly': 'true' } })).toEqual(selectTools('readonly').listed);
    expect(await listed({ query: '?readonly=false' })).toEqual(listTools());
  });

  it('knows no other tool', async () => {
    const client = await connect({ query: '?toolset=workspace,core&readonly=true' });
    for (const name of ['implement', 'codex_implement', 'list_sessions', 'nothing']) await expect(client.callTool({ name, arguments: {} })).rejects.toMatchObject({ code: -32602, message: expect.stringContaining(`Unknown tool: ${name}`) });
    expect(await client.callTool({ name: 'get_turn', arguments: { turn_id: 'none' } })).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': { code: 'unknown_turn' } } });
  });
});

describe('a set that does not exist', () => {
  it.each([
    ['POST', '/mcp?toolset=cores', {}],
    ['POST', '/mcp', { 'X-Toolset': 'core,cores' }],
    ['GET', '/sse?toolset=cores', {}],
  ])('is refused by %s %s, with what there is', async (method, path, headers) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } } });
    const answer = await system.edge.call(path, { method, headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers }, ...(method === 'POST' && { body }) });
    expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_arguments', detail: expect.stringMatching(/no toolset "cores"\. There are core, workspace/) } });
  });
});

describe('the list of a client that chose', () => {
  it('is not for others to keep', async () => {
    const [chosen, whole] = [await connectModernClient({ headers: { 'X-Toolset': 'core' } }), await connectModernClient()];
    closing.push(() => chosen.close(), () => whole.close());
    expect(await chosen.listTools()).toMatchObject({ cacheScope: 'private' });
    expect(await whole.listTools()).toMatchObject({ cacheScope: 'public' });
  });
});
