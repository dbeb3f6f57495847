import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { agentKey, type Placement, placementsQueue, PLACEMENTS_QUEUE, supervisorQueue, supervisorQueueName } from '@codex-mcp/contracts';
import { createRedis, Envelopes, generateEnvelopeKeys, QUEUE_PREFIX, QueueClient } from '@codex-mcp/messaging';
import type { AuditEntry } from '@codex-mcp/observability';
import { type RedisFixture, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import type { AgentsService } from './agents.service.js';
import { CommandsHandler } from './commands.handler.js';

const TIMEOUT_MS = 20_000;
const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const placement: Placement = { supervisorId: 's', relayUrl: 'http://x', workspace: { kind: 'volume' }, cwd: '/', stateDir: '/', sandbox: 'external', gitHosts: [], egress: { allowed: [], granted: [], onRequest: [] }, readOnlyTurns: 'compared' };

let server: RedisFixture;
let redis: Redis;
let subscriber: Redis;
let directory: TemporaryDirectory;
let commands: CommandsHandler;
const carriedOut: string[] = [];
const entries: AuditEntry[] = [];
const keysOf = (issuer: 'mcp-edge' | 'worker' | 'supervisor') => Envelopes.from(directory.path, issuer);

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  subscriber = redis.duplicate({ maxRetriesPerRequest: null });
  directory = await temporaryDirectory();
  generateEnvelopeKeys(directory.path);
  const noted = <Result>(name: string, result: Result) => async () => (carriedOut.push(name), result);
  const agents: Pick<AgentsService, 'ensure' | 'stop' | 'remove'> = { ensure: noted('ensure', placement), stop: noted('stop', true), remove: noted('remove', true) };
  commands = new CommandsHandler(agents as AgentsService, 's', redis, keysOf('supervisor'), { record: (entry) => void entries.push(entry) });
  await commands.start();
});
afterAll(async () => {
  await commands.stop();
  redis.disconnect();
  subscriber.disconnect(); // BullMQ closes only connections that it made itself
  await server.stop();
  await directory.remove();
});

async function commanded(name: 'stop' | 'remove', envelopes: Envelopes): Promise<unknown> {
  const client = new QueueClient(supervisorQueue, supervisorQueueName('s'), redis, envelopes);
  try {
    return await client.request(name, { agent }, TIMEOUT_MS);
  } catch (error) {
    return error;
  } finally {
    await client.close();
  }
}

it('carries out what workers and edges have signed, and signs its answers', async () => {
  expect(await commanded('stop', keysOf('worker'))).toEqual({ stopped: true });
  expect(await commanded('remove', keysOf('mcp-edge'))).toEqual({ removed: true });
  const client = new QueueClient(placementsQueue, PLACEMENTS_QUEUE, redis, keysOf('worker'));
  expect(await client.request('ensure', { agent, correlationId: 'c' }, TIMEOUT_MS)).toMatchObject({ relayUrl: 'http://x' });
  await client.close();
  expect(carriedOut.splice(0)).toEqual(['stop', 'remove', 'ensure']);
});

it('carries a command out once, also where it is put into the queue again, and none under another id', async () => {
  const queue = new Queue(supervisorQueueName('s'), { connection: redis, prefix: QUEUE_PREFIX });
  const events = new QueueEvents(supervisorQueueName('s'), { connection: subscriber, prefix: QUEUE_PREFIX });
  expect(await commanded('remove', keysOf('mcp-edge'))).toEqual({ removed: true });
  const [job] = (await queue.getJobs(['completed'])).filter(({ name }) => name === 'remove');
  const { id = '', data } = job ?? {};
  await queue.remove(id);
  const again = await queue.add('remove', data, { jobId: id });
  expect(await again.waitUntilFinished(events, TIMEOUT_MS)).toMatchObject({ removed: true });
  const renamed = await queue.add('remove', data, { jobId: 'another' });
  await expect(renamed.waitUntilFinished(events, TIMEOUT_MS)).rejects.toThrow(/not_authentic/);
  expect(carriedOut.splice(0)).toEqual(['remove']);
  expect(entries.splice(0)).toMatchObject([{ action: 'envelope.refused', detail: { what: 'command' } }]);
  await Promise.all([queue.close(), events.close()]);
});

it.each([
  ['nobody', () => Envelopes.none, 'unsigned'],
  ['a supervisor', () => keysOf('supervisor'), 'signed by a supervisor'],
])('refuses and audits what %s signed', async (_, envelopes, flaw) => {
  expect(await commanded('remove', envelopes())).toMatchObject({ code: 'not_authentic', message: expect.stringContaining(flaw) });
  expect(carriedOut).toEqual([]);
  expect(entries.splice(0)).toEqual([{ action: 'envelope.refused', outcome: 'refused', tenant: 'local', agentId: 'a', detail: { what: 'command', queue: 'supervisor-s', command: 'remove', flaw } }]);
});
