import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { WorkerKills } from '../load/kills.js';
import { type Hit, recoveriesOf } from '../load/recoveries.js';
import { type Submitted, TurnLoad } from '../load/turn-load.js';
import { judge, otherEndings } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { Service } from '../../scorecard/system/service-group.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [FREEZES, AGENTS, WORKERS, FROZEN_AT_ONCE] = [10, 6, 4, 2];
const TAKEOVER_MS = 30_000;
const SETTLE_MS = 60_000;
/** Shorter than a freeze: whoever wakes up finds that its turn gave no sign of life for too long, and must not say so. */
const IDLE_TIMEOUT_S = 16;
const FREEZE_MS = 16_500;
/** Until after the takeover, and on. */
const LONG = { text: Array.from({ length: 60 }, (_, index) => `word${index}`).join(' '), chunks: 60, delayMs: 400 };

/** Workers stop for longer than their locks hold, others take their turns over, and then they go on. */
export const frozenWorkerRow: Row = {
  number: 6,
  title: 'frozen worker',
  workers: WORKERS,
  env: { TURN_IDLE_TIMEOUT: String(IDLE_TIMEOUT_S) },
  mutation: { file: 'libs/messaging/dist/turn.scripts.js', find: "if turn[2] ~= ARGV[1] then return {'fenced', ''} end", replace: '' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, Math.min(AGENTS, scaled(AGENTS * 5)));
    const hits: Hit[] = [];
    const planned = scaled(FREEZES);
    let freezes = 0;
    while (freezes < planned) {
      for (const agentId of agents) await load.submit(agentId, [LONG]);
      const frozen = await freeze({ system, random, load, hits }, Math.min(FROZEN_AT_ONCE, planned - freezes));
      freezes += frozen.length;
      await Promise.all([takenOver(system, hits), delay(FREEZE_MS)]);
      for (const worker of frozen) worker.signal('SIGCONT');
      if (!(await load.settled(SETTLE_MS))) break;
    }
    const verdict = await judge(system, load.submitted);
    const failures = broken(system, verdict);
    if (verdict.askedAgain.length > 0) failures.push(`the model was asked again for ${verdict.askedAgain.length}`);
    failures.push(...(await otherEndings(system, verdict)));
    return { verdict, faults: freezes, recoveriesMs: await recoveriesOf(system, hits), failures };
  },
};

type Scene = { system: ServiceSystem; random: Random; load: TurnLoad; hits: Hit[] };

/** Stops as many workers that have turns under way; at least one. */
async function freeze({ system, random, load, hits }: Scene, count: number): Promise<Service[]> {
  const kills = new WorkerKills(system, load);
  const busy = async () => {
    const running = [...(await kills.holdings())].map(([worker, held]) => ({ worker, held }));
    return running.length >= Math.min(count, 1) && (await allStream(system, load)) && running;
  };
  const candidates = await eventually(busy, { timeoutMs: TAKEOVER_MS });
  await delay(random.between(0, 1500));
  const chosen: typeof candidates = [];
  while (chosen.length < count && candidates.length > 0) chosen.push(...candidates.splice(random.between(0, candidates.length - 1), 1));
  for (const { worker, held } of chosen) {
    worker.signal('SIGSTOP');
    hits.push(...held.map((turn) => ({ turn, atMs: Date.now() })));
  }
  return chosen.map(({ worker }) => worker);
}

/** All turns under way have words of their answers in their logs. */
async function allStream(system: ServiceSystem, load: TurnLoad): Promise<boolean> {
  const logs = await Promise.all((await load.running()).map(({ turnId }: Submitted) => system.logs.read(turnId)));
  return logs.length > 0 && logs.every((log) => log.some(({ event }) => event.type === 'delta'));
}

async function takenOver(system: ServiceSystem, hits: readonly Hit[]): Promise<void> {
  await eventually(async () => (await recoveriesOf(system, hits)).length === hits.length, { timeoutMs: TAKEOVER_MS, intervalMs: 100 }).catch(() => undefined); // the verdict tells
}
