import { setTimeout as delay } from 'node:timers/promises';
import type { Step } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { type Submitted, TurnLoad } from '../load/turn-load.js';
import { endingOf, judge } from '../load/verdict.js';
import type { Random } from '../random.js';
import type { ChaosSystem } from '../system/chaos-system.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [TURNS, AGENTS, WORKERS] = [200, 6, 2];
const BAD_SHARE = 0.3;
const MIN_SHARE = 0.99;
const MAX_CALLS_PER_TURN = 3;
const [TURN_TIMEOUT_S, HANG_TIMEOUT_S, LATE_MS] = [40, 5, 5000];
const SETTLE_MS = 300_000;
const REFUSAL_MS = 1500;

type Fault = { readonly step: Step; readonly timeoutS: number; readonly ending: string };

const passing = (step: Step): Fault => ({ step: { text: 'all good', times: 1, ...step }, timeoutS: TURN_TIMEOUT_S, ending: 'completed' });

/** What a retry gets over, and what it does not. */
const FAULTS: readonly Fault[] = [
  passing({ status: 429, headers: { 'retry-after': '1' }, error: { type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' } }),
  passing({ status: 500 }),
  passing({ status: 503 }),
  passing({ disconnectAfter: 0 }),
  passing({ disconnectAfter: 1 }),
  { step: { hang: true }, timeoutS: HANG_TIMEOUT_S, ending: 'turn_timeout' },
];
const FINE = passing({ chunks: 3, delayMs: 200 });

type Planned = { readonly turn: Submitted; readonly fault: Fault };

/** The model's service refuses, breaks, limits and hangs; now and then nobody answers at its address. */
export const modelFaultRow: Row = {
  number: 9,
  title: 'model faults',
  workers: WORKERS,
  mutation: { file: 'libs/codex/dist/agent-config.js', find: 'request_max_retries = 3', replace: 'request_max_retries = 0' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const planned: Planned[] = [];
    for (let count = 0; count < scaled(TURNS); count++) {
      const fault = random.next() < BAD_SHARE ? random.pick(FAULTS) : FINE;
      const turn = await load.submit(agents[count % AGENTS] ?? '', [fault.step], { timeout_s: fault.timeoutS });
      planned.push({ turn, fault });
    }
    const refusals = await refuse(system, load, random);
    await load.settled(SETTLE_MS);
    const verdict = await judge(system, load.submitted);
    const failures = [...broken(system, verdict), ...(await wrongEndings(system, planned)), ...overCalled(system, planned)];
    return { verdict, faults: planned.filter(({ fault }) => fault !== FINE).length + refusals, recoveriesMs: [], failures };
  },
};

/** Closes the model's port for a moment, again and again, while turns are under way. Resolves with how often. */
async function refuse(system: ChaosSystem, load: TurnLoad, random: Random): Promise<number> {
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

async function wrongEndings(system: ChaosSystem, planned: readonly Planned[]): Promise<string[]> {
  const failures: string[] = [];
  let failed = 0;
  for (const { turn, fault } of planned) {
    const record = await system.turns.load(turn.turnId);
    const ending = record && endingOf(record);
    if (ending === fault.ending) continue;
    if (fault.ending === 'completed') failed += 1;
    else failures.push(`${turn.turnId} ended as ${ending}, not ${fault.ending}`);
    const tookMs = (record?.finishedAtMs ?? Infinity) - (record?.startedAtMs ?? 0);
    if (tookMs > fault.timeoutS * 1000 + LATE_MS) failures.push(`${turn.turnId} took ${tookMs} ms`);
  }
  const passable = planned.filter(({ fault }) => fault.ending === 'completed').length;
  if ((passable - failed) / passable < MIN_SHARE) failures.push(`${failed} of ${passable} turns failed that a retry helps`);
  return failures;
}

function overCalled(system: ChaosSystem, planned: readonly Planned[]): string[] {
  const requests = system.fake.responsesRequests();
  const over = planned.filter(({ turn }) => requests.filter(({ model }) => model.userText.includes(turn.mark)).length > MAX_CALLS_PER_TURN);
  return over.length > 0 ? [`${over.length} turns asked the model more than ${MAX_CALLS_PER_TURN} times`] : [];
}
