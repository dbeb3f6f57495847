import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { eventually, freePort, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { ElicitRequestSchema, ListRootsRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Bridge } from './bridge.js';
import { RestartableServer } from './restartable-server.fixture.js';

jest.setTimeout(60_000); // on a busy machine

const command = fileURLToPath(new URL('../../bin/codex-mcp.js', import.meta.url));

let server: RestartableServer;
let directory: TemporaryDirectory;
const clients: Client[] = [];

beforeEach(async () => {
  server = await new RestartableServer().start();
  directory = await temporaryDirectory('stdio-');
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await server.stop();
  await directory.remove();
});

type Options = { args?: string[]; env?: NodeJS.ProcessEnv };

async function connect({ args = [], env = {} }: Options = {}): Promise<{ client: Client; said: () => string }> {
  const transport = new StdioClientTransport({ command: process.execPath, args: [command, 'stdio', '--url', server.url, ...args], env: { PATH: process.env['PATH'] ?? '', ...(env as Record<string, string>) }, cwd: directory.path, stderr: 'pipe' });
  let said = '';
  transport.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const client = new Client({ name: 'stdio-only', version: '1.0.0' }, { capabilities: { elicitation: {}, roots: {} } });
  clients.push(client);
  await client.connect(transport);
  return { client, said: () => said };
}

const call = async (client: Client, name: string, args: Record<string, unknown> = {}, options: Parameters<Client['callTool']>[2] = {}): Promise<unknown> => {
  const { content } = (await client.callTool({ name, arguments: args }, undefined, options)) as { content: { text: string }[] };
  return JSON.parse(content[0]?.text ?? 'null');
};

describe('codex-mcp stdio', () => {
  it('passes requests, answers and progress, in order', async () => {
    const { client } = await connect();
    expect(client.getServerVersion()).toMatchObject({ name: 'restartable' });
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
    const heard: unknown[] = [];
    server.counted = eventually(() => heard.length === 3).then(() => undefined);
    expect(await call(client, 'count', { words: 'Grüße\u2028 from stdio' }, { onprogress: ({ message }) => heard.push(message) })).toEqual({ words: 'Grüße\u2028 from stdio' });
    expect(heard).toEqual(['step 1', 'step 2', 'step 3']);
  });

  it('passes the server’s questions to the client, and what it announces', async () => {
    const { client } = await connect();
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({ action: 'accept' as const, content: { heard: params.message } }));
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///home/ada' }] }));
    let changes = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes++);
    expect(await call(client, 'ask')).toMatchObject({ action: 'accept', content: { heard: 'Sure?' } });
    expect(await call(client, 'roots')).toMatchObject({ roots: [{ uri: 'file:///home/ada' }] });
    await eventually(async () => {
      await server.announce();
      return changes > 0;
    });
  });

  it('passes cancellations', async () => {
    const { client } = await connect();
    const stop = new AbortController();
    const hanging = call(client, 'hang', {}, { signal: stop.signal }).catch((error: unknown) => error);
    await eventually(() => server.calls.length === 1);
    stop.abort();
    expect(await hanging).toBeInstanceOf(Error);
    await eventually(() => server.cancelled.length === 1);
    expect(await call(client, 'echo', { and: 'now' })).toEqual({ and: 'now' });
  });

  it('names the agent, the directory and the tools that its options name', async () => {
    const { client } = await connect({ args: ['--agent-id', 'ada', '--workspace', 'project', '--toolset', 'core,workspace', '--readonly'] });
    await call(client, 'echo');
    expect(server.calls[0]?.headers).toMatchObject({ 'x-agent-id': 'ada', 'x-workspace': join(directory.path, 'project') });
    expect(server.targets.at(-1)).toContain('toolset=core%2Cworkspace&readonly=true');
  });

  it('shows the token of the environment, or of a file', async () => {
    server.token = 'a-secret';
    await writeFile(join(directory.path, 'token'), 'a-secret\n');
    for (const env of [{ CODEX_MCP_TOKEN: 'a-secret' }, { CODEX_MCP_TOKEN_FILE: join(directory.path, 'token') }]) {
      const { client } = await connect({ env });
      expect(await call(client, 'echo', { in: true })).toEqual({ in: true });
    }
    await expect(connect()).rejects.toThrow(/asks for a token: set CODEX_MCP_TOKEN/);
    await expect(connect({ env: { CODEX_MCP_TOKEN: 'another' } })).rejects.toThrow(/asks for a token/);
    await expect(connect({ env: { CODEX_MCP_TOKEN_FILE: join(directory.path, 'nothing') } })).rejects.toThrow(/CODEX_MCP_TOKEN_FILE .* cannot be read/);
  });

  it('says how to start a server where there is none, to the client and to its user', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const child = spawn(process.execPath, [command, 'stdio', '--url', url], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } })}\n`);
    const [answer, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect(JSON.parse(answer)).toMatchObject({ id: 1, error: { message: expect.stringMatching(/No codex-mcp server answers at .*npm start/) } });
    expect(said).toMatch(/npm start/);
    expect(said).not.toMatch(/\n\s+at /);
    expect(code).toBe(69);
  });

  it.each([
    ['the end of its input', (child: ReturnType<typeof spawn>) => child.stdin?.end()],
    ['SIGTERM', (child: ReturnType<typeof spawn>) => child.kill('SIGTERM')],
  ])('ends in order at %s, and its session with it', async (_, end) => {
    const child = spawn(process.execPath, [command, 'stdio', '--url', server.url], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } })}\n`);
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    end(child);
    expect(await exited).toEqual([0, null]);
    expect(server.ended).toHaveLength(1);
  });

  it('answers all that was asked before the end of its input', async () => {
    const child = spawn(process.execPath, [command, 'stdio', '--url', server.url], { stdio: ['pipe', 'pipe', 'inherit'] });
    const messages = [
      { id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } },
      { method: 'notifications/initialized' },
      { id: 'list', method: 'tools/list' },
      { id: 3, method: 'tools/call', params: { name: 'echo', arguments: { last: 'words' } } },
    ];
    child.stdin.end(messages.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join(''));
    const [answers, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    const results = new Map(answers.trim().split('\n').map((line) => JSON.parse(line) as { id: unknown; result?: unknown }).map(({ id, result }) => [id, result]));
    expect(Object.fromEntries(results)).toMatchObject({ 1: { serverInfo: { name: 'restartable' } }, list: { tools: expect.any(Array) }, 3: { content: [{ text: '{"last":"words"}' }] } });
    expect([code, server.ended.length]).toEqual([0, 1]);
  });

  it('waits at the end of its input no longer than it says', async () => {
    const [client, end] = InMemoryTransport.createLinkedPair();
    const bridge = new Bridge(end, { url: new URL(server.url), headers: () => ({}) }, { say: () => undefined, unusable: () => undefined });
    await bridge.start();
    await client.start();
    await client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } });
    await client.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'hang', arguments: {} } });
    await eventually(() => server.calls.length === 1);
    await bridge.drain(1);
    await bridge.end();
    expect(server.ended).toHaveLength(1);
  });

  it('refuses a request that needs no session without ending', async () => {
    const child = spawn(process.execPath, [command, 'stdio', '--url', server.url], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 'probe', method: 'server/discover', params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } })}\n`);
    await once(child.stdout, 'data'); // this server knows sessions only
    child.stdin.end(`${JSON.stringify({ jsonrpc: '2.0', id: 'then', method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } } })}\n`);
    const [answer, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(JSON.parse(answer)).toMatchObject({ id: 'then', result: { serverInfo: { name: 'restartable' } } });
    expect(code).toBe(0);
  });

  it('says what it takes when it is called in another way', async () => {
    const child = spawn(process.execPath, [command, 'stdio', '--token', 'a-secret'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [printed, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect([printed, code]).toEqual(['', 64]);
    expect(said).toMatch(/--url URL/);
  });
});

describe('a server that is restarted', () => {
  it('is served on by the same client, which notices nothing', async () => {
    const { client, said } = await connect();
    await client.subscribeResource({ uri: 'agent://ada' });
    await call(client, 'echo');
    await server.restart();
    expect(await call(client, 'echo', { after: 'restart' })).toEqual({ after: 'restart' });
    expect(new Set(server.calls.map(({ sessionId }) => sessionId)).size).toBe(2);
    await eventually(() => expect(server.subscribed).toEqual(['agent://ada', 'agent://ada']));
    expect(said()).toMatch(/the session goes on/);
  });

  it('is waited for', async () => {
    const { client } = await connect();
    const port = Number(new URL(server.url).port);
    await server.stop();
    const waiting = call(client, 'echo', { patient: true });
    await server.start(port);
    expect(await waiting).toEqual({ patient: true });
  });

  it('reaches a client that says nothing, by what it announces', async () => {
    const { client } = await connect();
    let changes = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes++);
    await server.restart();
    await eventually(async () => {
      await server.announce();
      return changes > 0;
    }, { timeoutMs: 20_000 });
  });

  it('leaves a call without an answer, of which the client is told', async () => {
    const { client } = await connect();
    const hanging = call(client, 'hang').catch((error: unknown) => error);
    await eventually(() => server.calls.length === 1);
    await server.restart();
    expect(await hanging).toMatchObject({ message: expect.stringMatching(/was lost before the answer came.*get_turn/) });
    expect(server.calls).toHaveLength(1);
    expect(await call(client, 'echo', { next: 1 })).toEqual({ next: 1 });
  });

  it('that only breaks off one answer loses no other', async () => {
    const { client } = await connect();
    const stop = new AbortController();
    const hanging = call(client, 'hang', {}, { signal: stop.signal }).catch((error: unknown) => error);
    await eventually(() => server.calls.length === 1);
    await expect(call(client, 'break')).rejects.toThrow(/was lost before the answer came/);
    stop.abort();
    expect(await hanging).toBeInstanceOf(Error);
    await eventually(() => server.cancelled.length === 1);
  });
});
