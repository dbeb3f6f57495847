import { setTimeout as delay } from 'node:timers/promises';
import { warmAgents } from '../load/agents.js';
import { WorkerKills } from '../load/kills.js';
import { type Hit, percentile, recoveriesOf } from '../load/recoveries.js';
import { TurnLoad } from '../load/turn-load.js';
import { judge, type Verdict } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [TURNS, KILLS, AGENTS, WORKERS] = [300, 100, 6, 4];
const PAUSE_MS = [200, 2500] as const;
const SETTLE_MS = 300_000;
const RECOVERY_P95_MS = 12_000;
const MIN_SHARE = 0.99;

/** Workers are killed at random moments of turns of mixed length. */
export const workerKillRow: Row = {
  number: 1,
  title: 'worker SIGKILL mid-turn',
  workers: WORKERS,
  mutation: {
    file: 'apps/worker/dist/turns/codex-turn.js',
    find: 'options.mayHaveBegun ? await findTurn(conversation, turn.clientId) : undefined',
    replace: 'undefined',
  },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, Math.min(AGENTS, Math.max(WORKERS, scaled(AGENTS * 10))));
    for (let turn = 0; turn < scaled(TURNS); turn++) await load.submit(agents[turn % agents.length] ?? '', [ofMixedLength(random)]);
    const kills = new WorkerKills(system, load);
    const planned = scaled(KILLS);
    for (let more = 0; kills.count < planned && more < TURNS; ) {
      // A fast machine is done with the turns before the kills have hit as many as they should.
      if ((await load.unfinished()).length < agents.length) await load.submit(agents[more++ % agents.length] ?? '', [ofMixedLength(random)]);
      await delay(random.between(...PAUSE_MS));
      const busy = [...(await kills.holdings()).keys()];
      if (busy.length > 0) await kills.kill(random.pick(busy));
    }
    await load.settled(SETTLE_MS);
    const verdict = await judge(system, load.submitted);
    const recoveriesMs = await recoveriesOf(system, kills.hits);
    const failures = [...broken(system, verdict), ...shortOf(verdict, kills.hits), ...spoiled(verdict, kills.hits), ...(kills.count < planned ? [`only ${kills.count} kills hit a turn`] : [])];
    return { verdict, faults: kills.count, recoveriesMs, failures, slow: late(recoveriesMs) };
  },
};

/** Some are over before anybody can look, some are longer than it takes to find their worker dead. */
function ofMixedLength(random: Random) {
  return { text: 'one two three four five six', chunks: 6, firstDelayMs: random.between(0, 1000), delayMs: random.pick([10, 10, 100, 100, 300, 2000]) };
}

/** Of the turns that lost a worker, nearly all complete with one model run. */
function shortOf({ otherwise, askedAgain }: Verdict, hits: readonly Hit[]): string[] {
  const hit = idsOf(hits);
  const bad = new Set([...otherwise.values(), askedAgain].flat().filter((turnId) => hit.has(turnId))).size;
  const kinds = [...otherwise].map(([code, list]) => `${list.length} ${code}`).join(', ');
  return (hit.size - bad) / hit.size >= MIN_SHARE ? [] : [`${bad} of ${hit.size} that lost a worker did not complete with one model run (${kinds})`];
}

/** What was not hit notices nothing. */
function spoiled({ otherwise, askedAgain }: Verdict, hits: readonly Hit[]): string[] {
  const hit = idsOf(hits);
  const bad = [...otherwise.values(), askedAgain].flat().filter((turnId) => !hit.has(turnId));
  return bad.length === 0 ? [] : [`${bad.length} that lost no worker did not complete with one model run (${bad.slice(0, 3).join(', ')})`];
}

const idsOf = (hits: readonly Hit[]): Set<string> => new Set(hits.map(({ turn }) => turn.turnId));

function late(recoveriesMs: readonly number[]): string[] {
  const p95 = percentile(recoveriesMs, 0.95);
  return p95 > RECOVERY_P95_MS ? [`recovery p95 ${p95} ms, allowed ${RECOVERY_P95_MS}`] : [];
}
