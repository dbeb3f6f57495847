import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { agentKey } from '@codex-mcp/contracts';
import { AgentStore, createRedis, TurnStore } from '@codex-mcp/messaging';
import { createLogger } from '@codex-mcp/observability';
import { type RedisFixture, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { GatewayClient } from '../gateway/gateway.client.js';
import type { Remains } from '../runtime/agent-runtime.port.js';
import { ProcessRuntime } from '../runtime/process/process.runtime.js';
import { WorkspaceRoots } from '../workspace/workspace-roots.js';
import { AgentsService } from './agents.service.js';
import { Reaper } from './reaper.js';
import { Removals } from './removals.js';

const supervisorId = 'me';

class CountingRuntime extends ProcessRuntime {
  surveys = 0;

  override survey(): Promise<Remains[]> {
    this.surveys++;
    return super.survey();
  }
}

let server: RedisFixture;
let redis: Redis;
let directory: TemporaryDirectory;
let registry: AgentStore;
let runtime: CountingRuntime;
let reaper: Reaper;
const lines = new PassThrough();

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  directory = await temporaryDirectory();
  const [runDir, dataDir] = ['run', 'data'].map((name) => join(directory.path, name)) as [string, string];
  registry = new AgentStore(redis);
  const [gateway, removals, logger] = [new GatewayClient(runDir), new Removals(runDir), createLogger('test', 'warn', lines)];
  runtime = new CountingRuntime(gateway, { runDir, dataDir, model: 'm', path: '' });
  const agents = new AgentsService(runtime, registry, new TurnStore(redis), removals, new WorkspaceRoots([]), logger, { record: () => undefined }, { supervisorId, relayUrl: () => '', maxRunning: 1 });
  reaper = new Reaper(agents, runtime, registry, removals, gateway, redis, logger, { supervisorId, runDir });
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await directory.remove();
});

const agent = (agentId: string) => ({ key: agentKey('local', agentId), tenant: 'local', agentId });
const enter = (agentId: string, owner = supervisorId) =>
  registry.save({ ...agent(agentId), supervisorId: owner, runtime: 'process', runtimeId: '', status: 'stopped', workspace: { kind: 'volume' }, cwd: '', createdAt: 1 });
const leaveFiles = (agentId: string) => mkdir(join(directory.path, 'data', 'agents', agent(agentId).key, 'workspace'), { recursive: true });

/** How often a sweep surveys the host, and what it tells of which agents. */
async function sweep(): Promise<{ surveys: number; told: string[] }> {
  const before = runtime.surveys;
  await reaper.reap();
  const told = String(lines.read() ?? '').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as { agent: string; verdict: string });
  return { surveys: runtime.surveys - before, told: told.map((one) => `${one.agent} ${one.verdict}`).toSorted() };
}

it('looks at an agent that is for people once, and again when something has changed', async () => {
  await Promise.all(['a', 'b', 'c'].map((agentId) => enter(agentId)));
  expect(await sweep()).toEqual({ surveys: 4, told: ['a lost', 'b lost', 'c lost'] });
  expect(await sweep()).toEqual({ surveys: 1, told: [] });
  expect(reaper.unsettled).toBe(3);
  await enter('b', 'another');
  expect(await sweep()).toEqual({ surveys: 1, told: [] });
  expect(reaper.unsettled).toBe(2);
  await leaveFiles('c');
  await enter('c', 'another');
  expect(await sweep()).toEqual({ surveys: 2, told: ['c foreign'] });
  expect(reaper.unsettled).toBe(2);
  await enter('b');
  expect(await sweep()).toEqual({ surveys: 2, told: ['b lost'] });
  expect(await sweep()).toEqual({ surveys: 1, told: [] });
});
