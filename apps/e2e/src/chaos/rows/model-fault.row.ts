import { setTimeout as delay } from 'node:timers/promises';
import type { Step } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { type Submitted, TurnLoad } from '../load/turn-load.js';
import { endingOf, judge } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [TURNS, AGENTS, WORKERS] = [200, 6, 2];
const BAD_SHARE = 0.3;
const MIN_SHARE = 0.99;
const MAX_CALLS_PER_TURN = 3;
const [TURN_TIMEOUT_S, HANG_TIMEOUT_S, LATE_MS] = [40, 5, 5000];
const SETTLE_MS = 300_000;
const REFUSAL_MS = 1500;

type Fault = { readonly step: Step; readonly timeoutS: number; readonly endings: readonly string[] };

const passing = (step: Step): Fault => ({ step: { text: 'all good', times: 1, ...step }, timeoutS: TURN_TIMEOUT_S, endings: ['completed'] });

const limited = { type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' };

/** What a retry gets over, and what it does not. Each in turn, so that few turns have the first of them, which only the gateway gets over. */
const FAULTS: readonly Fault[] = [
  passing({ failed: { code: 'server_is_overloaded', message: 'busy' } }),
  passing({ status: 429, error: limited }),
  passing({ status: 429, headers: { 'retry-after': '1' }, error: limited }),
  passing({ status: 503 }),
  passing({ status: 500 }),
  passing({ disconnectAfter: 0 }),
  passing({ disconnectAfter: 1 }),
  // The latter where the port was closed under it and too little was left of its time to try again.
  { step: { hang: true }, timeoutS: HANG_TIMEOUT_S, endings: ['turn_timeout', 'model_unreachable'] },
];
const FINE = passing({ chunks: 3, delayMs: 100 });

type Planned = { readonly turn: Submitted; readonly fault: Fault };
type Ended = Planned & { readonly ending: string | undefined; readonly tookMs: number; readonly calls: number };

/** The model's service refuses, breaks, limits and hangs; now and then nobody answers at its address. */
export const modelFaultRow: Row = {
  number: 9,
  title: 'model faults',
  workers: WORKERS,
  mutation: { file: 'apps/gateway/dist/proxy/retry.policy.js', find: "const passes = kind === 'rate_limited' || kind === 'overloaded';", replace: 'return undefined;' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const planned = await submit(load, agents, random, scaled(TURNS));
    const refusals = await refuse(system, load, random);
    await load.settled(SETTLE_MS);
    const verdict = await judge(system, load.submitted);
    const { failures, measured } = assess(await endings(system, planned));
    return { verdict, faults: planned.filter(({ fault }) => fault !== FINE).length + refusals, recoveriesMs: [], failures: [...broken(system, verdict), ...failures], measured };
  },
};

async function submit(load: TurnLoad, agents: readonly string[], random: Random, turns: number): Promise<Planned[]> {
  const planned: Planned[] = [];
  let bad = 0;
  for (let count = 0; count < turns; count++) {
    const fault = (random.next() < BAD_SHARE && FAULTS[bad++ % FAULTS.length]) || FINE;
    const turn = await load.submit(agents[count % AGENTS] ?? '', [fault.step], { timeout_s: fault.timeoutS });
    planned.push({ turn, fault });
  }
  return planned;
}

/** Closes the model's port for a moment, again and again, while turns are under way. Resolves with how often. */
async function refuse(system: ServiceSystem, load: TurnLoad, random: Random): Promise<number> {
  let refusals = 0;
  while ((await load.unfinished()).length > load.submitted.length / 4) {
    await delay(random.between(3000, 6000));
    await system.modelDoor.lock();
    await delay(REFUSAL_MS);
    await system.modelDoor.unlock();
    refusals += 1;
  }
  return refusals;
}

async function endings(system: ServiceSystem, planned: readonly Planned[]): Promise<Ended[]> {
  const requests = system.fake.responsesRequests();
  return Promise.all(
    planned.map(async ({ turn, fault }) => {
      const record = await system.turns.load(turn.turnId);
      const calls = requests.filter(({ model }) => model.userText.includes(turn.mark)).length;
      return { turn, fault, calls, ending: record && endingOf(record), tookMs: (record?.finishedAtMs ?? Infinity) - (record?.startedAtMs ?? 0) };
    }),
  );
}

function assess(turns: readonly Ended[]): { failures: string[]; measured: string } {
  const passable = turns.filter(({ fault }) => fault.endings.includes('completed'));
  const failed = passable.filter(({ ending }) => ending !== 'completed');
  const unexpected = turns.filter((turn) => !passable.includes(turn) && !turn.fault.endings.includes(String(turn.ending)));
  const late = turns.filter(({ fault, tookMs }) => tookMs > fault.timeoutS * 1000 + LATE_MS);
  const over = turns.filter(({ calls }) => calls > MAX_CALLS_PER_TURN);
  const calls = turns.reduce((sum, turn) => sum + turn.calls, 0);
  const failures = [...unexpected.map(({ turn, ending, fault }) => `${turn.turnId} ended as ${ending}, not ${fault.endings.join(' or ')}`), ...late.map(({ turn, tookMs }) => `${turn.turnId} took ${tookMs} ms`)];
  if ((passable.length - failed.length) / passable.length < MIN_SHARE) failures.push(`${failed.length} of ${passable.length} turns failed that a retry helps (${failed[0]?.turn.turnId}: ${failed[0]?.ending})`);
  if (over.length > 0) failures.push(`${over.length} turns asked the model more than ${MAX_CALLS_PER_TURN} times`);
  const succeeded = `${passable.length - failed.length} of ${passable.length} succeeded that can, ${turns.length - passable.length} hung`;
  return { failures, measured: `${succeeded}, ${(calls / turns.length).toFixed(2)} model calls per turn (at most ${Math.max(...turns.map((turn) => turn.calls))}), ${late.length} past their deadline` };
}
