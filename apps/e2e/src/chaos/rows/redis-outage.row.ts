import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { TurnLoad } from '../load/turn-load.js';
import { judge } from '../load/verdict.js';
import type { Random } from '../random.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [KILLS, OUTAGES, AGENTS, WORKERS] = [10, 2, 6, 3];
const OUTAGE_MS = 15_000;
const RESUME_MS = 10_000;
const SETTLE_MS = 90_000;
const QUEUE_AHEAD = 3;
/** The longest ones outlive an outage. */
const PAUSES_MS = [10, 300, 800, 10_000];

/** Redis is killed and comes back at once or after a while, with what it had on disk. */
export const redisOutageRow: Row = {
  number: 5,
  title: 'Redis SIGKILL and outage',
  workers: WORKERS,
  mutation: { file: 'libs/messaging/dist/redis.js', find: 'retryStrategy: reconnectDelayMs', replace: 'retryStrategy: () => null' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const stopLoad = keepBusy(load, agents, random);
    const outages = [...Array.from({ length: scaled(KILLS) }, () => 0), ...Array.from({ length: scaled(OUTAGES) }, () => OUTAGE_MS)];
    const recoveriesMs: number[] = [];
    for (const outageMs of outages) {
      await delay(random.between(1500, 4000));
      await system.redisServer.kill();
      await delay(outageMs);
      await system.redisServer.restart();
      recoveriesMs.push(await untilWorkGoesOn(load));
    }
    await stopLoad();
    await load.settled(SETTLE_MS);
    const verdict = await judge(system, load.submitted);
    const slow = recoveriesMs.filter((recovery) => recovery > RESUME_MS);
    const failures = [...broken(system, verdict), ...(slow.length > 0 ? [`work went on after ${slow.join(', ')} ms, allowed ${RESUME_MS}`] : [])];
    for (const [code, turns] of verdict.otherwise) failures.push(`${turns.length} ended as ${code}`);
    return { verdict, faults: outages.length, recoveriesMs, failures };
  },
};

/** Keeps a few turns ahead for each agent until the returned function is called, which resolves when it has stopped. */
function keepBusy(load: TurnLoad, agents: readonly string[], random: Random): () => Promise<void> {
  const stop = new AbortController();
  const feed = async (agentId: string) => {
    while (!stop.signal.aborted) {
      // While Redis is away this waits, as an accepted turn is one whose acceptance was answered.
      const turns = [];
      for (let turn = 0; turn < QUEUE_AHEAD; turn++) turns.push(await load.submit(agentId, [{ text: 'some words', chunks: 2, firstDelayMs: random.between(0, 800), delayMs: random.pick(PAUSES_MS) }]));
      await load.settled(SETTLE_MS, turns);
    }
  };
  const feeds = agents.map(feed);
  return async () => {
    stop.abort();
    await Promise.all(feeds);
  };
}

/** Milliseconds until a turn ends after Redis is back. */
async function untilWorkGoesOn(load: TurnLoad): Promise<number> {
  const backAt = Date.now();
  const before = await load.ended();
  await eventually(async () => (await load.ended()) > before, { timeoutMs: SETTLE_MS, intervalMs: 50 }).catch(() => undefined);
  return Date.now() - backAt;
}
