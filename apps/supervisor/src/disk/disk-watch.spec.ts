import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type AgentIdentity, agentKey, type AppError } from '@codex-mcp/contracts';
import { createLogger } from '@codex-mcp/observability';
import { eventually } from '@codex-mcp/testing';
import { bytesInWords } from './bytes-in-words.js';
import type { DiskUsage } from '../runtime/agent-runtime.port.js';
import { DiskWatch } from './disk-watch.js';

const GB = 1024 ** 3;
const agents = ['a', 'b'].map((agentId): AgentIdentity => ({ key: agentKey('local', agentId), tenant: 'local', agentId }));
const [a, b] = agents as [AgentIdentity, AgentIdentity];

/** A host as the watch sees it. */
let used: Map<string, DiskUsage>;
/** Whose measurement does not end. */
let endless: AgentIdentity | undefined;
let free: number;
let running: AgentIdentity[];
let measured: string[];
let halted: [agentId: string, error: AppError][];
let looked: number;
let watch: DiskWatch;

beforeEach(() => {
  used = new Map([[a.key, GB], [b.key, GB]]);
  [free, running, endless, measured, halted, looked] = [100 * GB, [a, b], undefined, [], [], 0];
  watch = new DiskWatch({
    runtime: {
      diskUsage: async ({ key, agentId }) => {
        measured.push(agentId);
        return key === endless?.key ? new Promise(() => undefined) : used.get(key);
      },
      freeDiskBytes: async () => free,
    },
    running: async () => {
      looked += 1;
      return running;
    },
    halt: async (agent, error) => {
      halted.push([agent.agentId, error]);
      running = running.filter((one) => one !== agent);
    },
    logger: createLogger('supervisor', 'silent'),
    limits: { maxBytes: 10 * GB, minFreeBytes: 4 * GB },
    intervalMs: 5,
  });
  watch.start();
});
afterEach(() => watch.stop());

const looks = () => eventually(() => expect(measured).toEqual(expect.arrayContaining(['a', 'b'])));
const writes = (agent: AgentIdentity, bytes: number) => {
  used.set(agent.key, Number(used.get(agent.key) ?? 0) + bytes);
  free -= bytes;
};

it('stops an agent that goes beyond its limit, and no other', async () => {
  await looks();
  writes(a, 9.5 * GB);
  await eventually(() => expect(halted).toMatchObject([['a', { code: 'workspace_full', message: expect.stringContaining('10.5 GB, more than the 10 GB of WORKSPACE_MAX_BYTES') }]]));
});

it('measures again only where the disk has lost so much that it can matter', async () => {
  await looks();
  measured = [];
  writes(a, 4 * GB);
  const now = looked;
  await eventually(() => expect(looked).toBeGreaterThan(now + 2));
  expect(measured).toEqual([]);
  writes(b, GB);
  await looks();
});

it('lets an agent make room after it was stopped once, and no longer write after the second time', async () => {
  await looks();
  writes(a, 10 * GB);
  await eventually(() => expect(halted).toHaveLength(1));
  expect(await watch.refusal(b)).toBeUndefined();
  expect(await watch.refusal(a)).toBeUndefined();
  running = [a, b];
  writes(a, -GB / 2);
  writes(a, GB);
  await eventually(() => expect(halted).toHaveLength(2));
  expect(await watch.refusal(a)).toMatch(/11\.5 GB, more than the 10 GB.*cleanup_inactive_agents/);
  writes(a, -5 * GB);
  expect(await watch.refusal(a)).toBeUndefined();
});

it('makes no new agents where little space is left, and stops who writes most where almost none is', async () => {
  await looks();
  await watch.mustHaveRoom(true);
  free = 3 * GB;
  await expect(watch.mustHaveRoom(true)).rejects.toMatchObject({ code: 'at_capacity', message: expect.stringContaining('3 GB left, and new agents are made while DISK_FREE_MIN (4 GB)') });
  expect(halted).toEqual([]);
  writes(b, 2 * GB);
  await eventually(() => expect(halted[0]).toMatchObject(['b', { code: 'at_capacity', message: expect.stringContaining('nearly full') }]));
});

/** As many looks as all that the watch waits for. */
const someLooks = async () => {
  const since = looked;
  await eventually(() => expect(looked).toBeGreaterThan(since + 40));
};

it('stops nobody for a host that others fill, and begins no turns there', async () => {
  await looks();
  free = GB;
  await someLooks();
  expect(halted).toEqual([]);
  await expect(watch.mustHaveRoom(false)).rejects.toMatchObject({ code: 'at_capacity', message: expect.stringContaining('1 GB left, and turns begin while half of DISK_FREE_MIN (4 GB) is free') });
});

it('stops the next agent of a full host only where the disk has lost more meanwhile', async () => {
  await looks();
  writes(a, GB / 8);
  free = GB;
  writes(b, GB / 4);
  await eventually(() => expect(halted.map(([agentId]) => agentId)).toEqual(['b']));
  await someLooks();
  expect(halted).toHaveLength(1);
  writes(a, GB / 16);
  await eventually(() => expect(halted.map(([agentId]) => agentId)).toEqual(['b', 'a']));
});

it('goes on looking, and ends, while an agent keeps its measurement from ending', async () => {
  endless = a;
  running = [a];
  await eventually(() => expect(measured).toEqual(['a']));
  running = [a, b];
  await looks();
  writes(b, 9.5 * GB);
  await eventually(() => expect(halted).toMatchObject([['b', { code: 'workspace_full' }]]));
  await watch.stop();
});

it('takes an agent that three times cannot be measured for one beyond its limit', async () => {
  await looks();
  used.set(a.key, 'unmeasurable');
  free -= 9 * GB;
  await eventually(() => expect(halted).toMatchObject([['a', { code: 'workspace_full', message: expect.stringContaining('could not be measured') }]]));
  expect(measured.filter((agentId) => agentId === 'a')).toHaveLength(4);
  expect(await watch.refusal(a)).toBeUndefined();
  running = [a, b];
  await eventually(() => expect(halted).toHaveLength(2));
  expect(await watch.refusal(a)).toMatch(/could not be measured.*cleanup_inactive_agents/);
});

it.each([[0, '0 bytes'], [1023, '1023 bytes'], [1536, '1.5 KB'], [10 * GB, '10 GB']])('%d bytes are %s', (bytes, words) => expect(bytesInWords(bytes)).toBe(words));
