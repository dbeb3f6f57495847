import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { agentKey } from '@codex-mcp/contracts';
import { AgentStore, createRedis, Envelopes, generateEnvelopeKeys, RELAY_PASS_HEADER, relayPass, TurnStore } from '@codex-mcp/messaging';
import { type AuditEntry, createLogger } from '@codex-mcp/observability';
import { type RedisFixture, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import type { AgentRuntime } from '../runtime/agent-runtime.port.js';
import { ApplyJournal } from '../workspace/apply-journal.js';
import { HostDirectories } from '../workspace/host-directories.js';
import { WorkspaceRoots } from '../workspace/workspace-roots.js';
import { GatewayClient } from '../gateway/gateway.client.js';
import { RelayServer } from './relay.server.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
let server: RedisFixture;
let redis: Redis;
let directory: TemporaryDirectory;
let codex: Server;
let relay: RelayServer;
let relayWithKeys: RelayServer;
let worker: Envelopes;
let received = '';
const entries: AuditEntry[] = [];
const audit = { record: (entry: AuditEntry) => void entries.push(entry) };

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  directory = await temporaryDirectory();
  const path = join(directory.path, 's');
  codex = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received += data.toString();
      socket.write(data);
    });
  }).listen(path);
  await once(codex, 'listening');
  const registry = new AgentStore(redis);
  await registry.save({ ...agent, supervisorId: 's', runtime: 'docker', runtimeId: 'x', status: 'running', workspace: { kind: 'volume' }, cwd: '/workspace', createdAt: 1 });
  const runtime = { socketOf: async () => ({ path, uid: process.getuid?.() ?? 0 }) } as Pick<AgentRuntime, 'socketOf'> as AgentRuntime;
  generateEnvelopeKeys(join(directory.path, 'keys'));
  worker = Envelopes.from(join(directory.path, 'keys'), 'worker');
  const relayOf = (envelopes: Envelopes) => new RelayServer(registry, runtime, new HostDirectories(new WorkspaceRoots([]), createLogger('test', 'silent'), new ApplyJournal('/nonexistent')), new GatewayClient('/nonexistent'), createLogger('test', 'silent'), { bind: '127.0.0.1', port: 0, url: undefined, supervisorId: 's' }, envelopes, audit);
  relay = relayOf(Envelopes.none);
  relayWithKeys = relayOf(Envelopes.from(join(directory.path, 'keys'), 'supervisor'));
  await Promise.all([relay.start(), relayWithKeys.start()]);
});

afterAll(async () => {
  await Promise.all([relay.stop(), relayWithKeys.stop()]);
  codex.close();
  redis.disconnect();
  await server.stop();
  await directory.remove();
});

/** Takes the agent's lease the way a worker does, with a turn. */
async function lease(holder: string, token: string): Promise<number> {
  const turns = new TurnStore(redis);
  const turnId = `turn_${holder}_${Math.random().toString(16).slice(2)}`;
  await redis.del(`codex-mcp:agent:${agent.key}:mailbox`);
  await turns.accept({ turnId, tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 1 }, 10);
  const claim = await turns.claim(turnId, agent.key, { holder, token });
  return claim.outcome === 'claimed' ? claim.epoch : -1;
}

async function dial(headers: Record<string, string>, key = agent.key, to = relay): Promise<Socket> {
  const socket = connect(Number(new URL(to.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  const lines = [`GET /agents/${key} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: abc', 'Sec-WebSocket-Version: 13', 'Origin: http://evil.example'];
  socket.write([...lines, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n'));
  return socket;
}

const answer = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0]);

it('brings the holder of the lease to the agent, without headers of no concern to Codex', async () => {
  const epoch = await lease('w1', 'token-1');
  const socket = await dial({ Authorization: 'Bearer token-1', 'X-Lease-Epoch': String(epoch) });
  const echoed = await answer(socket);
  expect(echoed).toContain('Sec-WebSocket-Key: abc');
  expect(echoed).not.toMatch(/origin|authorization|token-1/i);
  socket.destroy();
});

it('ends the connection of the former holder when another takes over', async () => {
  const before = await dial({ Authorization: 'Bearer token-1', 'X-Lease-Epoch': String(await lease('w1', 'token-1')) });
  await answer(before);
  const closed = once(before, 'close');
  const after = await dial({ Authorization: 'Bearer token-2', 'X-Lease-Epoch': String(await lease('w2', 'token-2')) });
  await answer(after);
  await closed;
  after.destroy();
});

it.each([
  ['no token', () => ({ 'X-Lease-Epoch': '1' }), agent.key],
  ['a wrong token', () => ({ Authorization: 'Bearer nonsense', 'X-Lease-Epoch': '1' }), agent.key],
  ['a former epoch', () => ({ Authorization: 'Bearer token-9', 'X-Lease-Epoch': '1' }), agent.key],
  ['another agent', () => ({ Authorization: 'Bearer token-9', 'X-Lease-Epoch': '99' }), agentKey('local', 'b')],
])('refuses %s, and nothing reaches the agent', async (_, headers, key) => {
  await lease('w9', 'token-9');
  received = '';
  expect(await answer(await dial(headers(), key))).toMatch(/^HTTP\/1.1 403/);
  expect(received).toBe('');
});

it('with keys, a lease that somebody wrote into Redis opens nothing; a worker’s pass for it does', async () => {
  const epoch = await lease('w5', 'token-5');
  const headers = { Authorization: 'Bearer token-5', 'X-Lease-Epoch': String(epoch) };
  received = '';
  expect(await answer(await dial(headers, agent.key, relayWithKeys))).toMatch(/^HTTP\/1.1 403/);
  const pass = (of: object) => ({ ...headers, [RELAY_PASS_HEADER]: relayPass(worker, { agentKey: agent.key, epoch, supervisorId: 's', ...of }) });
  expect(await answer(await dial(pass({ agentKey: agentKey('local', 'b') }), agent.key, relayWithKeys))).toMatch(/^HTTP\/1.1 403/);
  expect(received).toBe('');
  expect(entries).toEqual(['unsigned', 'signed for another agent, epoch or supervisor'].map((flaw) => expect.objectContaining({ action: 'envelope.refused', detail: expect.objectContaining({ what: 'relay', flaw }) })));
  const socket = await dial(pass({}), agent.key, relayWithKeys);
  expect(await answer(socket)).toContain('Sec-WebSocket-Key: abc');
  socket.destroy();
});
