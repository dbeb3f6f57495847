import { setTimeout as delay } from 'node:timers/promises';
import { warmAgents } from '../load/agents.js';
import { WorkerKills } from '../load/kills.js';
import { percentile, recoveriesOf } from '../load/recoveries.js';
import { TurnLoad } from '../load/turn-load.js';
import { judge, type Verdict } from '../load/verdict.js';
import type { Random } from '../random.js';
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
    const agents = await warmAgents(load, AGENTS);
    for (let turn = 0; turn < scaled(TURNS); turn++) await load.submit(agents[turn % AGENTS] ?? '', [ofMixedLength(random)]);
    const kills = new WorkerKills(system, load);
    const planned = scaled(KILLS);
    for (let more = 0; kills.count < planned && more < TURNS; ) {
      // A fast machine is done with the turns before the kills have hit as many as they should.
      if ((await load.unfinished()).length < AGENTS) await load.submit(agents[more++ % AGENTS] ?? '', [ofMixedLength(random)]);
      await delay(random.between(...PAUSE_MS));
      const busy = [...(await kills.holdings()).keys()];
      if (busy.length > 0) await kills.kill(random.pick(busy));
    }
    await load.settled(SETTLE_MS);
    const verdict = await judge(system, load.submitted);
    const recoveriesMs = await recoveriesOf(system, kills.hits);
    const failures = [...broken(system, verdict), ...shortOf(verdict), ...(kills.count < planned ? [`only ${kills.count} kills hit a turn`] : [])];
    return { verdict, faults: kills.count, recoveriesMs, failures, slow: late(recoveriesMs) };
  },
};

/** Some are over before anybody can look, some are longer than it takes to find their worker dead. */
function ofMixedLength(random: Random) {
  return { text: 'one two three four five six', chunks: 6, firstDelayMs: random.between(0, 1000), delayMs: random.pick([10, 10, 100, 100, 300, 2000]) };
}

function shortOf({ turns, otherwise, askedAgain }: Verdict): string[] {
  const bad = new Set([...otherwise.values(), askedAgain].flat()).size;
  const kinds = [...otherwise].map(([code, list]) => `${list.length} ${code}`).join(', ');
  return (turns - bad) / turns >= MIN_SHARE ? [] : [`${bad} of ${turns} did not complete with one model run (${kinds})`];
}

function late(recoveriesMs: readonly number[]): string[] {
  const p95 = percentile(recoveriesMs, 0.95);
  return p95 > RECOVERY_P95_MS ? [`recovery p95 ${p95} ms, allowed ${RECOVERY_P95_MS}`] : [];
}
