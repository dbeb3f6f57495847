import type { TurnRequest } from '@codex-mcp/contracts';
import { AgentStore } from '@codex-mcp/messaging';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { connectClient, TRANSPORTS, type TransportName } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { agentRecord } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

let system: TestSystem;
const clients: Client[] = [];

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), { HANDLE_AFTER: '0.5' }, ['mine', 'theirs']);
  const agents = new AgentStore(system.redis);
  for (const name of ['ada', 'bob']) await agents.save(agentRecord('mine', name));
  await agents.save(agentRecord('theirs', 'eve'));
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));
afterEach(async () => void (await Promise.all(clients.splice(0).map((client) => client.close()))));

async function connect(token = 'mine', { transport = 'http', query = '' }: { transport?: TransportName; query?: string } = {}): Promise<Client> {
  const client = await connectClient(system.edge, transport, { name: 'ada', query, headers: { authorization: `Bearer ${token}` } });
  clients.push(client);
  return client;
}

const factsOf = ({ turnId, agent }: TurnRequest) => ({ turn_id: turnId, agent_id: agent.agentId, duration_ms: 1 });
const changes = { diff: '-a\n+b\n', files: [{ path: 'src/changed.ts', status: 'modified' }], truncated: false };
const read = async (client: Client, uri: string) => (await client.readResource({ uri })).contents[0] as { uri: string; mimeType: string; text: string; blob?: string };
const notFound = (uri: string) => ({ code: -32602, data: { uri } });

/** A turn of ada's that has ended, with what it changed. */
async function ended(client: Client): Promise<{ turnId: string; threadId: string }> {
  system.worker.play = async ({ request, threadId }) => ({ type: 'completed', output: { ...factsOf(request), thread_id: threadId, answer: 'It is done.', commands: [], changes } });
  const { structuredContent } = await client.callTool({ name: 'chat', arguments: { message: 'do it' } });
  const { turn_id: turnId, thread_id: threadId } = structuredContent as { turn_id: string; thread_id: string };
  return { turnId, threadId };
}

describe.each(TRANSPORTS)('resources over %s', (transport) => {
  it('are the agents of the tenant, and templates of what they have', async () => {
    const client = await connect('mine', { transport });
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(['ada', 'bob'].flatMap((name) => [`agent://${name}`, `agent://${name}/threads`, `agent://${name}/diff`]));
    expect(resources[0]).toMatchObject({ title: 'Agent ada', mimeType: 'application/json', annotations: { audience: ['user', 'assistant'], lastModified: expect.any(String) }, icons: [{ mimeType: 'image/svg+xml' }] });
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(expect.arrayContaining(['agent://{agent_id}', 'agent://{agent_id}/turns/{turn_id}', 'agent://{agent_id}/files/{+path}']));
    for (const { title, description } of resourceTemplates) expect([title, description]).toEqual([expect.any(String), expect.any(String)]);
  });

  it('tell the state of an agent, its conversations and a turn', async () => {
    const client = await connect('mine', { transport });
    const { turnId, threadId } = await ended(client);
    expect(JSON.parse((await read(client, 'agent://ada')).text)).toMatchObject({ agent_id: 'ada', status: 'running', thread_id: threadId });
    expect(JSON.parse((await read(client, 'agent://ada/threads')).text)).toMatchObject({ agent_id: 'ada', threads: [{ thread_id: threadId }] });
    expect(JSON.parse((await read(client, `agent://ada/threads/${threadId}`)).text)).toMatchObject({ thread_id: threadId, turns: expect.arrayContaining([expect.objectContaining({ turn_id: turnId, transcript: `agent://ada/turns/${turnId}` })]) });
    const transcript = await read(client, `agent://ada/turns/${turnId}`);
    expect(transcript).toMatchObject({ uri: `agent://ada/turns/${turnId}`, mimeType: 'text/markdown' });
    expect(transcript.text).toMatch(/chat \*\*completed\*\*[^]*It is done\./);
  });
});

describe('workspaces', () => {
  it('are read by turns of the agent: files and diffs', async () => {
    const client = await connect();
    const { turnId } = await ended(client);
    system.worker.play = async ({ request }) => {
      const file = { path: request.arguments['path'], size: 3, lines: 1, truncated: false };
      if (request.tool === 'get_diff') return { type: 'completed', output: { ...factsOf(request), ...changes, compared: 'x' } };
      const isText = request.arguments['path'] === 'src/a b.ts';
      return { type: 'completed', output: { ...factsOf(request), ...file, content: isText ? 'abc' : 'AAE=', encoding: isText ? 'utf-8' : 'base64' } as never };
    };
    system.worker.seen.length = 0;
    expect(await read(client, 'agent://bob/files/src/a%20b.ts')).toEqual({ uri: 'agent://bob/files/src/a%20b.ts', mimeType: 'text/plain', text: 'abc' });
    expect(await read(client, 'agent://bob/files/x.bin')).toEqual({ uri: 'agent://bob/files/x.bin', mimeType: 'application/octet-stream', blob: 'AAE=' });
    expect(await read(client, 'agent://ada/diff')).toMatchObject({ mimeType: 'text/x-diff', text: changes.diff });
    expect(await read(client, `agent://ada/turns/${turnId}/diff`)).toMatchObject({ text: changes.diff });
    expect(system.worker.seen.map(({ tool, agent }) => [tool, agent.agentId])).toEqual([['read_file', 'bob'], ['read_file', 'bob'], ['get_diff', 'ada'], ['get_diff', 'ada']]);
    expect(system.worker.seen[3]?.arguments).toMatchObject({ turn_id: turnId });
  });

  it('of an agent at work are not waited for longer than for a call', async () => {
    const client = await connect();
    const held = new HeldTurns(system.worker);
    await expect(read(client, 'agent://bob/files/a')).rejects.toMatchObject({ message: expect.stringMatching(/service_unavailable: The agent is at work.*get_turn with turn_id "turn_/) });
    system.worker.play = async ({ request }) => ({ type: 'completed', output: factsOf(request) });
    await held.first();
    held.release();
  });
});

describe('what does not exist', () => {
  it.each(['agent://nobody', 'agent://nobody/threads', 'agent://nobody/diff', 'agent://nobody/files/a', 'agent://ada/turns/turn_x', 'agent://ada/threads/thread_x', 'agent://ada/files/../etc', 'agent://ada/elsewhere', 'file:///etc/passwd'])('%s is not found, and makes no agent', async (uri) => {
    await expect(read(await connect(), uri)).rejects.toMatchObject(notFound(uri));
    expect(system.worker.seen).toEqual([]);
  });

  it('is no different from what is another tenant’s', async () => {
    const [mine, theirs] = [await connect(), await connect('theirs')];
    const { turnId, threadId } = await ended(mine);
    expect((await theirs.listResources()).resources.map(({ uri }) => uri)).toEqual(['agent://eve', 'agent://eve/threads', 'agent://eve/diff']);
    system.worker.seen.length = 0;
    for (const uri of ['agent://ada', 'agent://ada/files/a', `agent://ada/turns/${turnId}`, `agent://eve/turns/${turnId}`, `agent://eve/threads/${threadId}`]) await expect(read(theirs, uri)).rejects.toMatchObject(notFound(uri));
    await expect(read(mine, `agent://bob/turns/${turnId}`)).rejects.toMatchObject(notFound(`agent://bob/turns/${turnId}`));
    expect(system.worker.seen).toEqual([]);
  });
});

describe('completion', () => {
  const template = (uri: string) => ({ type: 'ref/resource' as const, uri });
  const complete = async (client: Client, uri: string, name: string, value: string, agent?: string) =>
    (await client.complete({ ref: template(uri), argument: { name, value }, ...(agent !== undefined && { context: { arguments: { agent_id: agent } } }) })).completion;

  it('knows agents, conversations, turns, and paths that turns changed, of the tenant alone', async () => {
    const client = await connect();
    const { turnId, threadId } = await ended(client);
    expect(await complete(client, 'agent://{agent_id}', 'agent_id', '')).toEqual({ values: ['ada', 'bob'], total: 2, hasMore: false });
    expect((await complete(client, 'agent://{agent_id}', 'agent_id', 'b')).values).toEqual(['bob']);
    expect((await complete(client, 'agent://{agent_id}/turns/{turn_id}', 'turn_id', turnId.slice(0, 12), 'ada')).values).toContain(turnId);
    expect((await complete(client, 'agent://{agent_id}/threads/{thread_id}', 'thread_id', 'thread_', 'ada')).values).toContain(threadId);
    expect((await complete(client, 'agent://{agent_id}/files/{+path}', 'path', 'src/')).values).toEqual(['src/changed.ts']);
    for (const other of ['eve', 'nobody', '../x']) expect((await complete(client, 'agent://{agent_id}/turns/{turn_id}', 'turn_id', '', other)).values).toEqual([]);
    expect((await complete(await connect('theirs'), 'agent://{agent_id}/turns/{turn_id}', 'turn_id', '', 'ada')).values).toEqual([]);
    await expect(complete(client, 'agent://{agent}/other', 'agent', '')).rejects.toMatchObject({ code: -32602 });
  });
});

describe('prompts', () => {
  it('are common jobs with arguments that can be completed', async () => {
    const client = await connect();
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['review_change', 'plan_feature', 'fix_failure', 'explain_code', 'audit_code', 'compare_solutions']);
    expect(prompts[0]).toMatchObject({ title: 'Review my change', arguments: [{ name: 'change', required: false }, { name: 'focus' }, { name: 'agent_id' }] });
    const completed = async (name: string, argument: string, value: string) => (await client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } })).completion.values;
    expect(await completed('review_change', 'change', 'br')).toEqual(['branch:main', 'branch:master']);
    expect(await completed('review_change', 'agent_id', 'a')).toEqual(['ada']);
    expect(await completed('plan_feature', 'feature', 'x')).toEqual([]);
  });

  it('become words for the model, with what was given', async () => {
    const client = await connect();
    const { messages } = await client.getPrompt({ name: 'review_change', arguments: { change: 'branch:main', agent_id: 'bob' } });
    expect(messages).toEqual([{ role: 'user', content: { type: 'text', text: expect.stringMatching(/tool review, content "branch:main"\.\nagent_id: bob\n/) } }]);
    await expect(client.getPrompt({ name: 'plan_feature', arguments: { feature: ' ' } })).rejects.toMatchObject({ code: -32602, message: expect.stringContaining('needs feature') });
    await expect(client.getPrompt({ name: 'nothing' })).rejects.toMatchObject({ code: -32602 });
  });

  it('are those whose tools the client sees', async () => {
    const client = await connect('mine', { query: '?toolset=core&readonly=true' });
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['review_change', 'plan_feature', 'audit_code']);
    await expect(client.getPrompt({ name: 'fix_failure', arguments: { failure: 'x' } })).rejects.toMatchObject({ code: -32602 });
  });
});
