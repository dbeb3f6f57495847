import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { setMaxListeners } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnreachableError } from '@codex-mcp/codex';
import { agentKey, newTurnId, TURNS_QUEUE, type TurnJob } from '@codex-mcp/contracts';
import { ApprovalStore, createRedis, QUEUE_PREFIX, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { createLogger } from '@codex-mcp/observability';
import { eventually, type RedisFixture, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { abortableCommands } from '../workspace/abortable-commands.js';
import { AgentWorkspace } from '../workspace/agent-workspace.js';
import { localCommands } from '../workspace/local-commands.fixture.js';
import { LooksBeside } from './looks-beside.js';
import { TurnApprovals } from './turn-approvals.js';
import type { TurnExecution } from './turn-execution.js';
import { TurnSteering } from './turn-steering.js';
import { TurnStops } from './turn-stops.js';
import { TurnWaits } from './turn-waits.js';
import { TurnRunner } from './turn.runner.js';

jest.setTimeout(60_000); // on a busy machine

const LONG_MS = 600_000;
const LEASE = { holder: 'w1', token: 't1' };

let server: RedisFixture;
let redis: Redis;
let queue: Queue<TurnJob>;
let scratch: TemporaryDirectory;
let turns: TurnStore;
let stops: TurnStops;
let looks: LooksBeside;
let runner: TurnRunner;
let shutdown: AbortController;
/** Commands in the agent, by the names that they have there; each waits until it is let go. */
let commands: Map<string, { go: () => void; lose: () => void }>;
let killed: string[];
/** Codex at work, for each agent. */
let finishWork: (() => void)[];

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  queue = new Queue<TurnJob>(TURNS_QUEUE, { connection: redis, prefix: QUEUE_PREFIX });
  scratch = await temporaryDirectory();
  await mkdir(join(scratch.path, 'workspace'));
  await writeFile(join(scratch.path, 'workspace', 'a.txt'), 'one\n');
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
  await scratch.remove();
});

beforeEach(async () => {
  await redis.flushall();
  [commands, killed, finishWork, shutdown] = [new Map(), [], [], new AbortController()];
  setMaxListeners(0, shutdown.signal);
  turns = new TurnStore(redis);
  stops = new TurnStops(turns);
  const logger = createLogger('test', 'silent');
  looks = new LooksBeside(turns, { atWork: () => ({ beside }) }, LEASE, logger);
  const audit = { record: () => undefined };
  const approvals = new TurnApprovals(new ApprovalStore(redis), audit, { mode: 'auto', timeoutMs: LONG_MS, fallback: 'decline' });
  const work: Pick<TurnExecution, 'run'> = {
    run: async (_, { onRunning }) => {
      onRunning(async () => undefined);
      await new Promise<void>((resolve) => finishWork.push(resolve));
      return {};
    },
  };
  runner = new TurnRunner(turns, new TurnDispatcher(queue, turns), work as TurnExecution, stops, new TurnSteering(), new TurnWaits(), approvals, looks, LEASE, logger, audit, { totalMs: LONG_MS, idleMs: LONG_MS });
});
afterEach(() => {
  for (const { go } of commands.values()) go();
  for (const finish of finishWork) finish();
});

/** Codex in the agent: what is killed there takes until it is let go to be over. */
const codex = {
  exec: async (command: string[], options: Parameters<typeof localCommands.exec>[1]) => {
    await new Promise<void>((resolve, reject) => commands.set(options.processId ?? '', { go: resolve, lose: () => reject(new UnreachableError('The connection broke.')) }));
    return localCommands.exec(command, options);
  },
  terminate: async (processId: string) => void killed.push(processId),
  writeFile: localCommands.writeFile,
};
const beside = (signal: AbortSignal) => {
  const place = { cwd: join(scratch.path, 'workspace'), stateDir: scratch.path, workspace: { kind: 'volume' as const } };
  return { workspace: new AgentWorkspace(abortableCommands(codex, signal), place, { isBeside: true }), sandboxPolicy: () => undefined };
};

const agentOf = (agentId: string) => ({ key: agentKey('local', agentId), tenant: 'local', agentId });

/** An agent whose Codex is at work, with so many calls behind it. */
async function busy(agentId: string, count: number): Promise<string[]> {
  const agent = agentOf(agentId);
  const accept = async (tool: string) => {
    const turnId = newTurnId();
    await turns.accept({ turnId, tool, agent, arguments: tool === 'chat' ? {} : { path: 'a.txt' }, correlationId: 'c', acceptedAtMs: Date.now() }, 50);
    return turnId;
  };
  const turnId = await accept('chat');
  await accept('checkpoint');
  const ids = [];
  for (let at = 0; at < count; at++) ids.push(await accept('read_file'));
  void runner.run({ turnId, agentKey: agent.key, tool: 'chat', correlationId: 'c' }, shutdown.signal);
  return ids;
}

const statuses = async (ids: string[]) => (await Promise.all(ids.map((id) => turns.load(id)))).map((turn) => turn?.status);
const begun = (count: number) => eventually(() => expect(commands.size).toBe(count), { timeoutMs: 30_000 });
const until = (ids: string[], expected: string[]) => eventually(async () => expect(await statuses(ids)).toEqual(expected), { timeoutMs: 30_000 });
const command = (at: number) => [...commands.values()][at] ?? { go: () => undefined, lose: () => undefined };
const offerAll = async (ids: string[], agentId: string) => void (await Promise.all(ids.map((id) => looks.offer(id, agentOf(agentId).key))));

it('two of an agent are answered at a time; the next is begun when one ends', async () => {
  const ids = await busy('a', 4);
  await begun(2);
  await offerAll(ids, 'a');
  expect([commands.size, await statuses(ids)]).toEqual([2, ['running', 'running', 'queued', 'queued']]);
  command(1).go();
  await begun(3);
  await until(ids, ['running', 'completed', 'running', 'queued']);
  command(0).go();
  command(2).go();
  await begun(4);
  command(3).go();
  await until(ids, ['completed', 'completed', 'completed', 'completed']);
});

it('a worker answers eight at a time, and the next is begun when one of another agent ends', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const ids = [];
  for (const [at, name] of names.entries()) {
    ids.push(...(await busy(name, 2)));
    await begun(Math.min(8, 2 * (at + 1)));
  }
  await offerAll(ids.slice(8), 'e');
  expect([commands.size, await statuses(ids.slice(8))]).toEqual([8, ['queued', 'queued']]);
  command(3).go();
  await begun(9);
  await until(ids.slice(8), ['running', 'queued']);
});

it('one that is cancelled has ended at once, is killed in the agent, and its room is free when nothing runs for it any more', async () => {
  const ids = await busy('a', 3);
  await begun(2);
  const [name = ''] = commands.keys();
  stops.cancel(ids[0] ?? '');
  await until(ids, ['cancelled', 'running', 'queued']);
  await eventually(() => expect(killed).toEqual([name]));
  await offerAll(ids, 'a');
  expect([commands.size, await statuses(ids)]).toEqual([2, ['cancelled', 'running', 'queued']]);
  command(0).go();
  await begun(3);
  await until(ids, ['cancelled', 'running', 'running']);
});

it('ones whose connection breaks, or whose worker ends, have no answer but their place', async () => {
  const ids = await busy('a', 3);
  await begun(2);
  command(0).lose();
  shutdown.abort(new Error('this worker shuts down'));
  await eventually(() => expect(killed).toEqual([[...commands.keys()][1]]));
  await offerAll(ids, 'a');
  expect(commands.size).toBe(2);
  expect((await Promise.all(ids.map((id) => turns.load(id)))).map((turn) => turn?.terminal)).toEqual([undefined, undefined, undefined]);
  await until(ids, ['queued', 'queued', 'queued']);
  expect((await turns.unfinished(agentOf('a').key)).slice(2)).toEqual(ids);
});
