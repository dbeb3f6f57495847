import { setTimeout as delay } from 'node:timers/promises';
import { containerOf, execIn } from '../../stack/agent-containers.js';
import { warmAgents } from '../load/agents.js';
import { type Submitted, TurnLoad } from '../load/turn-load.js';
import { judge } from '../load/verdict.js';
import type { ChaosSystem } from '../system/chaos-system.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [CRASHES, HANGS, AGENTS, WORKERS] = [30, 10, 6, 2];
const [TURN_TIMEOUT_S, LATE_MS] = [8, 5000];
const SETTLE_MS = 90_000;
const MODEL_TIMEOUT_MS = 60_000;
/** Longer than its turn has. */
const LONG = { text: 'one two three four', chunks: 4, delayMs: 4000 };
const FREEZE_CODEX = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = codex ] && kill -STOP "${p#/proc/}"; done; true';

/** Containers are killed, and app-servers stopped, in the middle of a turn; then the agent is asked again. */
export const agentCrashRow: Row = {
  number: 7,
  title: 'agent crash and hang',
  workers: WORKERS,
  env: { RPC_TIMEOUT: '5' },
  mutation: { file: 'apps/worker/dist/agents/agent-sessions.js', find: 'if (!(error instanceof UnresponsiveError))\n                throw error;', replace: 'throw error;' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const first = new Map(load.submitted.map((turn) => [turn.agentId, turn]));
    const hit: Submitted[] = [];
    const following: Submitted[] = [];
    const kinds = [...Array.from({ length: scaled(CRASHES) }, () => crash), ...Array.from({ length: scaled(HANGS) }, () => hang)];
    while (kinds.length > 0) {
      const wave = kinds.splice(0, AGENTS).map((kind, index) => ({ kind, agentId: agents[index] ?? '', afterMs: random.between(0, 3000) }));
      hit.push(...(await Promise.all(wave.map(({ kind, agentId, afterMs }) => breakTurn(system, load, { kind, agentId, afterMs })))));
      for (const { agentId } of wave) following.push(await load.submit(agentId, [{ text: 'still here' }]));
      if (!(await load.settled(SETTLE_MS))) break;
    }
    const verdict = await judge(system, load.submitted);
    const failures = [...broken(system, verdict), ...(await lateOnes(system, hit)), ...(await forgetful(system, following, first))];
    return { verdict, faults: hit.length, recoveriesMs: await durations(system, following), failures };
  },
};

type Break = (system: ChaosSystem, agentId: string) => Promise<unknown>;

const crash: Break = async (system, agentId) => (await containerOf(system.deployment, agentId)).kill();

const hang: Break = async (system, agentId) => execIn(await containerOf(system.deployment, agentId), 'sh', '-c', FREEZE_CODEX);

/** A turn whose agent breaks some time after the model was asked. */
async function breakTurn(system: ChaosSystem, load: TurnLoad, { kind, agentId, afterMs }: { kind: Break; agentId: string; afterMs: number }): Promise<Submitted> {
  const turn = await load.submit(agentId, [LONG], { timeout_s: TURN_TIMEOUT_S });
  await system.fake.waitFor((request) => request.model?.userText.includes(turn.mark) === true, MODEL_TIMEOUT_MS);
  await delay(afterMs);
  await kind(system, agentId);
  return turn;
}

async function durations(system: ChaosSystem, turns: readonly Submitted[]): Promise<number[]> {
  const records = await Promise.all(turns.map(({ turnId }) => system.turns.load(turnId)));
  return records.flatMap((record) => (record?.finishedAtMs !== undefined && record.startedAtMs !== undefined ? [record.finishedAtMs - record.startedAtMs] : []));
}

async function lateOnes(system: ChaosSystem, turns: readonly Submitted[]): Promise<string[]> {
  const late = (await durations(system, turns)).filter((tookMs) => tookMs > TURN_TIMEOUT_S * 1000 + LATE_MS);
  return late.length > 0 ? [`${late.length} turns ended too late, after ${late.join(', ')} ms`] : [];
}

/** The turn after a break must complete, and the model must see with it what was said before the break. */
async function forgetful(system: ChaosSystem, turns: readonly Submitted[], first: ReadonlyMap<string, Submitted>): Promise<string[]> {
  const failures: string[] = [];
  for (const { turnId, agentId, mark } of turns) {
    const status = (await system.turns.load(turnId))?.status;
    const request = system.fake.responsesRequests().find(({ model }) => model.userText.includes(mark));
    const remembers = JSON.stringify(request?.body ?? '').includes(first.get(agentId)?.mark ?? '?');
    if (status !== 'completed' || !remembers) failures.push(`the next turn of ${agentId} ${status === 'completed' ? 'had no memory' : `was ${status}`}`);
  }
  return failures;
}
