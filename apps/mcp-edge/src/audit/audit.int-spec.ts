import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient } from '../testing/edge.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

let directory: string;
let system: TestSystem;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-'));
  system = await startTestSystem(await startRedis(), { AUDIT_DIR: directory }, ['ada', 'bob']);
});
afterAll(async () => {
  await system.stop();
  await rm(directory, { recursive: true });
});

const as = (token: string) => ({ authorization: `Bearer ${token}` });
const text = (name: string) => readFile(join(directory, `${name}.jsonl`), 'utf8');
const allText = async () => (await Promise.all(['mcp-edge', 'mcp-edge-refusals'].map(text))).join('');
const entries = async (name: string) => (await text(name)).split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
const isIn = (name: string, wanted: object) => eventually(async () => expect(await entries(name)).toContainEqual(expect.objectContaining(wanted)));
const recorded = (wanted: { action: string; outcome?: 'ok' | 'failed'; [field: string]: unknown }) => isIn('mcp-edge', wanted);
const refused = (wanted: { action: string; [field: string]: unknown }) => isIn('mcp-edge-refusals', { outcome: 'refused', ...wanted });
const detail = (wanted: object) => expect.objectContaining(wanted);

describe('the audit log of the edge', () => {
  it('has each call of a tool: who, which, on which agent, and what became of it', async () => {
    const headers = { ...as('ada'), 'x-correlation-id': 'correlation-1' };
    const { json } = await system.edge.call('/tools/chat', { method: 'POST', headers, body: '{"message":"the prompt’s canary","agent_id":"one"}' });
    await recorded({ service: 'mcp-edge', action: 'tool.call', outcome: 'ok', tenant: 'ada', principal: expect.stringMatching(/^[0-9a-f]{16}$/), agentId: 'one', turnId: json['turn_id'], correlationId: 'correlation-1', detail: { tool: 'chat', over: 'rest', result: 'ok' } });
    await system.edge.call('/tools/chat', { method: 'POST', headers: as('ada'), body: '{"message":7}' });
    await refused({ action: 'tool.call', tenant: 'ada', detail: { tool: 'chat', over: 'rest', result: 'invalid_arguments' } });
    expect(await allText()).not.toContain('canary');
  });

  it('has sessions, and what is called and read over them', async () => {
    const client = await connectClient(system.edge, 'http', { headers: as('bob') });
    await client.callTool({ name: 'health_check', arguments: {} });
    await client.readResource({ uri: 'agent://nobody' }).catch(() => undefined);
    await client.close();
    await recorded({ action: 'session.opened', tenant: 'bob', detail: detail({ transport: 'http', client: 'Test Client 1.0.0' }) });
    await recorded({ action: 'tool.call', outcome: 'ok', tenant: 'bob', detail: { tool: 'health_check', over: 'mcp', result: 'ok' } });
    await recorded({ action: 'mcp.request', outcome: 'failed', tenant: 'bob', detail: detail({ method: 'resources/read', uri: 'agent://nobody' }) });
  });

  it('has what is asked for of turns over REST', async () => {
    await system.edge.call('/jobs/turn_of_nobody', { headers: as('bob') });
    await refused({ action: 'rest.call', tenant: 'bob', detail: { method: 'GET', path: '/jobs/turn_of_nobody', status: 404 } });
  });

  it('has who was refused, and why', async () => {
    await system.edge.call('/tools/chat', { method: 'POST', headers: as('mallory-canary'), body: '{}' });
    await refused({ action: 'request.refused', detail: detail({ status: 401, code: 'unauthenticated', path: '/tools/chat', from: expect.stringContaining('127.0.0.1') }) });
    await system.edge.call('/tools?token=canary', { headers: { ...as('ada'), host: 'evil.example' } });
    await refused({ action: 'request.refused', detail: detail({ status: 403, code: 'forbidden_host', host: 'evil.example' }) });
    await system.edge.call('/tools', { headers: { ...as('ada'), origin: 'https://evil.example' } });
    await refused({ action: 'request.refused', detail: detail({ status: 403, code: 'forbidden_origin', origin: 'https://evil.example' }) });
    expect(await allText()).not.toContain('canary');
    expect((await entries('mcp-edge')).filter(({ outcome }) => outcome === 'refused')).toEqual([]);
  });

  it('makes the health degraded where it cannot be written, and says so', async () => {
    await rm(directory, { recursive: true });
    await system.edge.call('/jobs/turn_of_nobody', { headers: as('bob') });
    await eventually(async () => expect((await system.edge.call('/health')).json).toMatchObject({ status: 'degraded', problems: [expect.stringContaining('audit log of the mcp-edge cannot be written')] }));
    expect((await system.edge.call('/metrics')).text).toMatch(/codex_mcp_audit_failing\S* 1/);
    await mkdir(directory);
    await eventually(async () => expect((await system.edge.call('/health')).json).toMatchObject({ status: 'ok', problems: [] }));
  });
});
