import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { connectClient, TRANSPORTS } from '../testing/edge.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let system: TestSystem;
const clients: Client[] = [];

beforeAll(async () => {
  system = await startTestSystem(await startRedis());
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));
afterEach(async () => void (await Promise.all(clients.splice(0).map((client) => client.close()))));

/** The directories that the turn of a call was given, beside what it names itself. */
async function hintsOf(client: Client, args: Record<string, unknown> = {}): Promise<unknown> {
  await client.callTool({ name: 'chat', arguments: { message: 'x', ...args } });
  return system.worker.seen.at(-1)?.workspace;
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  const connect = async (options: Parameters<typeof connectClient>[2]) => {
    const client = await connectClient(system.edge, transport, options);
    clients.push(client);
    return client;
  };

  it('a client’s roots are where its calls work, until they change', async () => {
    let roots = ['file:///home/ada/project', 'file:///home/ada/with%20space', 'file://another-machine/x'];
    const client = await connect({ roots: () => roots });
    expect(await hintsOf(client)).toEqual({ hints: ['/home/ada/project', '/home/ada/with space'] });
    roots = ['file:///home/ada/other'];
    expect(await hintsOf(client)).toEqual({ hints: ['/home/ada/project', '/home/ada/with space'] });
    await client.sendRootsListChanged();
    await eventually(async () => expect(await hintsOf(client)).toEqual({ hints: ['/home/ada/other'] }));
  });

  it('the directory that a call names stays that of its agent for the session', async () => {
    const client = await connect({ roots: () => ['file:///home/ada/project'] });
    await hintsOf(client, { workspace: '/srv/named' });
    expect(await hintsOf(client)).toEqual({ path: '/srv/named' });
    expect(await hintsOf(client, { agent_id: 'another' })).toEqual({ hints: ['/home/ada/project'] });
  });

  it('another directory of the same client is another agent, which stays whatever its calls name', async () => {
    const agentOf = async (client: Client, args: Record<string, unknown> = {}) => {
      await hintsOf(client, args);
      return system.worker.seen.at(-1)?.agent.agentId;
    };
    const [one, again, other] = await Promise.all(['/home/ada/project', '/home/ada/project', '/srv/project'].map((path) => connect({ name: 'Claude Code', roots: () => [`file://${path}`] })));
    if (!one || !again || !other) throw new Error('three clients were connected');
    const agentId = await agentOf(one);
    expect(agentId).toMatch(/^claude-code-project-[0-9a-f]{8}$/);
    expect(await agentOf(again)).toBe(agentId);
    expect(await agentOf(other)).toMatch(/^claude-code-project-[0-9a-f]{8}$/);
    expect(await agentOf(other)).not.toBe(agentId);
    expect(await agentOf(one, { workspace: '/srv/named' })).toBe(agentId);
    expect(await agentOf(one)).toBe(agentId);
    expect(await agentOf(one, { agent_id: 'named' })).toBe('named');
    expect(await agentOf(await connect({ name: 'Claude Code', query: '?workspace=/home/ada/project' }))).toBe(agentId);
    expect(await agentOf(await connect({ name: 'Claude Code', query: '?agent_id=mine', roots: () => ['file:///home/ada/project'] }))).toBe('mine');
    expect(await agentOf(await connect({ name: 'Claude Code' }))).toBe('claude-code');
    expect(await agentOf(await connect({ name: 'Claude Code', roots: () => ['file:///where/no/agent/works'] }))).toBe('claude-code');
  });

  it('an agent goes back to its own workspace, and stays there', async () => {
    const client = await connect({ roots: () => ['file:///home/ada/project'] });
    await hintsOf(client, { workspace: 'own' });
    expect(await hintsOf(client)).toBeUndefined();
    expect(await hintsOf(client, { workspace: '/srv/named' })).toBeUndefined();
    expect(await hintsOf(client)).toEqual({ path: '/srv/named' });
  });

  it('an agent that has cloned something stays with it', async () => {
    const client = await connect({ roots: () => ['file:///home/ada/project'] });
    system.worker.play = async ({ request: { turnId, agent } }) => ({ type: 'completed', output: { mode: 'volume', changed_files: 0, turn_id: turnId, agent_id: agent.agentId, duration_ms: 1 } });
    expect((await client.callTool({ name: 'open_workspace', arguments: { url: 'https://git.example.org/x' } })).isError).toBeUndefined();
    expect(await hintsOf(client)).toBeUndefined();
  });

  it('a directory that a call could not have is not remembered', async () => {
    const client = await connect({ roots: () => ['file:///home/ada/project'] });
    system.worker.play = async () => ({ type: 'failed', error: { code: 'workspace_not_allowed', message: 'No.', retryable: false } });
    await hintsOf(client, { workspace: '/mistyped' });
    expect(await hintsOf(client)).toEqual({ hints: ['/home/ada/project'] });
  });

  it('roots that do not come are asked for again', async () => {
    let fail = true;
    const roots = () => {
      if (fail) throw new Error('not now');
      return ['file:///home/ada/project'];
    };
    const client = await connect({ roots });
    expect(await hintsOf(client)).toEqual({ hints: [] });
    fail = false;
    expect(await hintsOf(client)).toEqual({ hints: ['/home/ada/project'] });
  });

  it('the connection says it where the client has no roots', async () => {
    expect(await hintsOf(await connect({ query: '?workspace=/srv/of-the-url' }))).toEqual({ path: '/srv/of-the-url' });
    expect(await hintsOf(await connect({ headers: { 'X-Workspace': '/srv/of-the-header' } }))).toEqual({ path: '/srv/of-the-header' });
    expect(await hintsOf(await connect({}))).toBeUndefined();
  });
});
