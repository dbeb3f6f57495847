import { setTimeout as delay } from 'node:timers/promises';
import { warmAgents } from '../load/agents.js';
import { WorkerKills } from '../load/kills.js';
import { recoveriesOf } from '../load/recoveries.js';
import { type Submitted, TurnLoad } from '../load/turn-load.js';
import { judge } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [KILLS, AGENTS, WORKERS] = [50, 6, 6];
const WINDOW_MS = 80;
const SETTLE_MS = 60_000;
const BEGIN_TIMEOUT_MS = 30_000;

/** Workers are killed in the moment in which they have just given a turn to Codex. */
export const replayWindowRow: Row = {
  number: 2,
  title: 'replay window',
  workers: WORKERS,
  mutation: { file: 'apps/worker/dist/turns/codex-turn.js', find: 'clientUserMessageId: turn.clientId', replace: 'clientUserMessageId: `${turn.clientId}-${Date.now()}`' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const planned = scaled(KILLS);
    const agents = await warmAgents(load, Math.min(AGENTS, planned));
    const kills = new WorkerKills(system, load);
    for (let wave = 0; kills.count < planned && wave < planned; wave++) {
      const moments = agents.slice(0, planned - kills.count).map((agentId) => ({ agentId, afterMs: random.between(0, WINDOW_MS), atModel: random.next() < 0.5 }));
      await Promise.all(moments.map((moment) => killAt(moment, { system, random, load, kills })));
      if (!(await load.settled(SETTLE_MS))) break;
    }
    const verdict = await judge(system, load.submitted);
    const failures = broken(system, verdict);
    if (verdict.askedAgain.length > 0) failures.push(`the model was asked again for ${verdict.askedAgain.length}`);
    for (const [code, turns] of verdict.otherwise) if (code !== 'turn_interrupted') failures.push(`${turns.length} ended as ${code}`);
    if (kills.count < planned) failures.push(`only ${kills.count} kills hit a turn`);
    return { verdict, faults: kills.count, recoveriesMs: await recoveriesOf(system, kills.hits), failures };
  },
};

type Moment = { readonly agentId: string; readonly afterMs: number; readonly atModel: boolean };

/** One turn, and the end of its worker this long after it was begun, or after Codex took it, which its call of the model shows. */
async function killAt({ agentId, afterMs, atModel }: Moment, { system, random, load, kills }: { system: ServiceSystem; random: Random; load: TurnLoad; kills: WorkerKills }): Promise<void> {
  const turn = await load.submit(agentId, [{ text: 'short answer', chunks: 3, firstDelayMs: random.between(0, 200), delayMs: 60 }]);
  await begun(system, turn, atModel);
  const holder = await system.holderOf(agentId);
  await delay(afterMs);
  if (holder) await kills.kill(holder);
}

async function begun(system: ServiceSystem, { turnId, mark }: Submitted, atModel: boolean): Promise<void> {
  if (atModel) return void (await system.fake.waitFor((request) => request.model?.userText.includes(mark) === true, BEGIN_TIMEOUT_MS));
  let stop: (() => void) | undefined;
  await new Promise<void>((resolve, reject) => {
    const listener = ({ event }: { event: { type: string } }) => event.type === 'started' && resolve();
    system.logs.follow(turnId, listener).then((end) => (stop = end), reject);
  });
  stop?.();
}
