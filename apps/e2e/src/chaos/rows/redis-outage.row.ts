import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { keepBusy } from '../load/keep-busy.js';
import { TurnLoad } from '../load/turn-load.js';
import { judge, otherEndings } from '../load/verdict.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [KILLS, OUTAGES, AGENTS, WORKERS] = [10, 2, 6, 3];
const OUTAGE_MS = 15_000;
const RESUME_MS = 10_000;
const SETTLE_MS = 60_000;
/** Work that has not gone on by then does not. */
const GIVE_UP_MS = 30_000;
/** The longest ones outlive an outage. */
const PAUSES_MS = [10, 10, 100, 300, 500, 800, 8000];

/** Redis is killed and comes back at once or after a while, with what it had on disk. */
export const redisOutageRow: Row = {
  number: 5,
  title: 'Redis SIGKILL and outage',
  workers: WORKERS,
  mutation: { file: 'libs/messaging/dist/redis.js', find: 'retryStrategy: reconnectDelayMs', replace: 'retryStrategy: () => null' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, Math.min(AGENTS, scaled(AGENTS * 5)));
    const stopLoad = keepBusy(load, agents, random, PAUSES_MS);
    const outages = [...Array.from({ length: scaled(KILLS) }, () => 0), ...Array.from({ length: scaled(OUTAGES) }, () => OUTAGE_MS)];
    const recoveriesMs: number[] = [];
    for (const outageMs of outages) {
      await delay(random.between(1500, 4000));
      await system.redisServer.kill();
      await delay(outageMs);
      await system.redisServer.restart();
      const recoveryMs = await untilWorkGoesOn(load);
      recoveriesMs.push(recoveryMs);
      if (recoveryMs >= GIVE_UP_MS) break;
    }
    await stopLoad();
    await load.settled(SETTLE_MS);
    const verdict = await judge(system, load.submitted);
    const failures = broken(system, verdict);
    const slow = recoveriesMs.filter((tookMs) => tookMs > RESUME_MS).map((tookMs) => `work went on after ${tookMs} ms, allowed ${RESUME_MS}`);
    failures.push(...(await otherEndings(system, verdict)));
    return { verdict, faults: recoveriesMs.length, recoveriesMs, failures, slow };
  },
};

/** Milliseconds until a turn ends after Redis is back. */
async function untilWorkGoesOn(load: TurnLoad): Promise<number> {
  const backAt = Date.now();
  const before = await load.ended();
  await eventually(async () => (await load.ended()) > before, { timeoutMs: GIVE_UP_MS, intervalMs: 50 }).catch(() => undefined);
  return Date.now() - backAt;
}
