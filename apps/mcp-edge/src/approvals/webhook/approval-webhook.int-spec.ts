import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { agentKey, type Approval, approvalIdOf, LOCAL_TENANT, newTurnId } from '@codex-mcp/contracts';
import { ApprovalStore, TurnStore } from '@codex-mcp/messaging';
import { eventually, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { readEdgeConfig } from '../../edge.config.js';
import { startTestEdge, type TestEdge } from '../../testing/edge.fixture.js';
import { startTestSystem, type TestSystem } from '../../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

type Delivery = { headers: IncomingHttpHeaders; body: string };

const secret = randomBytes(16).toString('hex');
const deliveries: Delivery[] = [];
/** What the receiver answers, one after the other, then 204. */
const statuses: number[] = [];

let receiver: Server;
let directory: TemporaryDirectory;
let system: TestSystem;
let edges: TestEdge[];
let store: ApprovalStore;
let env: Record<string, string>;
let startReplicas: (count: number) => Promise<void>;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const receive = async () => {
      deliveries.push({ headers: request.headers, body: await text(request) });
      response.writeHead(statuses.shift() ?? 204).end();
    };
    void receive();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  directory = await temporaryDirectory();
  const file = join(directory.path, 'secret');
  writeFileSync(file, `${secret}\n`);
  env = { APPROVAL_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`, APPROVAL_WEBHOOK_SECRET_FILE: file };
  const redis = await startRedis();
  system = await startTestSystem(redis);
  startReplicas = async (count) => {
    edges = await Promise.all(Array.from({ length: count }, () => startTestEdge(redis.url, env)));
  };
  await startReplicas(2);
  store = new ApprovalStore(system.redis);
});
afterAll(async () => {
  await stopReplicas();
  await system.stop();
  receiver.close();
  await directory.remove();
});
beforeEach(() => {
  for (const list of [deliveries, statuses]) list.length = 0;
});

const stopReplicas = () => Promise.all(edges.map((edge) => edge.close()));

/** A running turn of an agent of its own that asks. */
async function ask(agentId: string): Promise<Approval> {
  const turns = new TurnStore(system.redis);
  const agent = { key: agentKey(LOCAL_TENANT, agentId), tenant: LOCAL_TENANT, agentId };
  const turnId = newTurnId();
  await turns.accept({ turnId, tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 1 }, 10);
  await turns.claim(turnId, agent.key, { holder: 'w', token: 't' });
  const approval: Approval = { approvalId: approvalIdOf(turnId, 'q'), turnId, tool: 'chat', agent, subject: { kind: 'command', command: 'npm install' }, askedAtMs: Date.now() };
  await store.ask(approval, 1, 600_000, 'decline');
  return approval;
}

const of = (approval: Approval) => deliveries.filter(({ headers }) => headers['x-codex-mcp-delivery'] === approval.approvalId);

it('tells the receiver once, however many edges there are and whichever is started again, with a signature over time and body', async () => {
  const first = await ask('first');
  await eventually(() => of(first).length > 0);
  await stopReplicas();
  await startReplicas(1);
  const second = await ask('second');
  await eventually(() => of(second).length > 0); // by then the new one has seen the first as well
  expect([of(first).length, of(second).length]).toEqual([1, 1]);
  const { headers, body } = of(first)[0] ?? { headers: {}, body: '' };
  const [, seconds = '', signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-codex-mcp-signature'])) ?? [];
  expect(createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')).toBe(signature);
  expect(JSON.parse(body)).toMatchObject({ type: 'approval_requested', approval: { approval_id: first.approvalId, agent_id: 'first', command: 'npm install' }, answer: { method: 'POST', path: `/approvals/${first.approvalId}` } });
});

it('tells it again until it is taken; the receiver answers over REST, at any edge', async () => {
  statuses.push(500, 302);
  const approval = await ask('refused');
  await eventually(() => of(approval).length === 3);
  const { answer } = JSON.parse(of(approval)[0]?.body ?? '') as { answer: { method: string; path: string } };
  expect(await system.edge.call(answer.path, { method: answer.method, body: '{"decision":"accept"}' })).toMatchObject({ status: 200, json: { answered: true } });
  expect((await store.load(approval.approvalId))?.answer).toMatchObject({ decision: 'accept', via: 'rest' });
});

it('does not tell what was answered meanwhile', async () => {
  statuses.push(500);
  const approval = await ask('answered');
  await eventually(() => of(approval).length === 1);
  await store.answer(approval, { decision: 'decline', via: 'mcp', atMs: 1 });
  const later = await ask('later');
  await eventually(async () => (await system.redis.hget(`codex-mcp-queue:approvals:${approval.approvalId}`, 'finishedOn')) !== null);
  await eventually(() => of(later).length === 1);
  expect(of(approval)).toHaveLength(1);
});

it.each([
  [{ APPROVAL_WEBHOOK_SECRET_FILE: '' }, /needs APPROVAL_WEBHOOK_SECRET_FILE/],
  [{ APPROVAL_WEBHOOK_SECRET_FILE: '/nowhere/secret' }, /APPROVAL_WEBHOOK_SECRET_FILE \/nowhere\/secret/],
  [{ APPROVAL_WEBHOOK_SECRET_FILE: '/dev/null' }, /holds less than 16 characters/],
  [{ APPROVAL_WEBHOOK_URL: 'ftp://user:hidden@host' }, /^APPROVAL_WEBHOOK_URL must be a URL that begins with https:\/\/ or http:\/\/\.$/],
])('does not start with %j', (change, message) => {
  expect(() => readEdgeConfig({ REDIS_URL: 'redis://127.0.0.1:1', ...env, ...change })).toThrow(message);
});
