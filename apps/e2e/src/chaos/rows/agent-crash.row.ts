import { setTimeout as delay } from 'node:timers/promises';
import { containerOf, execIn } from '../../stack/agent-containers.js';
import { warmAgents } from '../load/agents.js';
import { forgetful } from '../load/memory.js';
import { type Submitted, TurnLoad } from '../load/turn-load.js';
import { judge } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { EngineEvents } from '../system/engine-events.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [CRASHES, OUT_OF_MEMORY, HANGS, AGENTS, WORKERS] = [15, 15, 10, 6, 2];
const [TURN_TIMEOUT_S, LATE_MS] = [8, 5000];
const SETTLE_MS = 90_000;
const MODEL_TIMEOUT_MS = 60_000;
/** Longer than its turn has. */
const LONG = { text: 'one two three four', chunks: 4, delayMs: 4000 };
const FREEZE_CODEX = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = codex ] && kill -STOP "${p#/proc/}"; done; true';

/** Fills the container's memory; Codex is the process that the kernel then prefers to end. What lies in /tmp counts and cannot be ended. */
const RUN_OUT_OF_MEMORY =
  'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = codex ] && echo 1000 > $p/oom_score_adj; done; head -c 60M /dev/zero > /tmp/fill; tail -n 1 /dev/zero';

/** Containers are killed or run out of memory, and app-servers stop, in the middle of a turn; then the agent is asked again. */
export const agentCrashRow: Row = {
  number: 7,
  title: 'agent crash, out of memory, hang',
  workers: WORKERS,
  env: { RPC_TIMEOUT: '5', CONTAINER_MEMORY_LIMIT: '192m' },
  mutation: { file: 'apps/worker/dist/agents/agent-sessions.js', find: 'if (!(error instanceof UnresponsiveError))\n                throw error;', replace: 'throw error;' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const first = new Map(load.submitted.map((turn) => [turn.agentId, turn]));
    const times = (count: number, kind: Break) => Array.from({ length: scaled(count) }, () => kind);
    const breaks = [...times(CRASHES, crash), ...times(OUT_OF_MEMORY, outOfMemory), ...times(HANGS, hang)];
    const { hit, following } = await EngineEvents.during(system.deployment, async (events) => {
      const turns = await breakInWaves(system, load, random, { agents, breaks });
      const ran = breaks.slice(0, turns.hit.length).filter((kind) => kind === outOfMemory).length;
      if (events.count('oom') < ran) throw new Error(`only ${events.count('oom')} of ${ran} containers ran out of memory`);
      return turns;
    });
    const verdict = await judge(system, load.submitted);
    const failures = [...broken(system, verdict), ...(await lateOnes(system, hit)), ...(await forgetful(system, following, first))];
    return { verdict, faults: hit.length, recoveriesMs: await durations(system, following), failures };
  },
};

/** Breaks each agent once in each wave, and asks it again; ends early when turns do not end, or an agent does not come back. */
async function breakInWaves(system: ServiceSystem, load: TurnLoad, random: Random, { agents, breaks }: { agents: readonly string[]; breaks: readonly Break[] }): Promise<{ hit: Submitted[]; following: Submitted[] }> {
  const hit: Submitted[] = [];
  const following: Submitted[] = [];
  for (let done = 0; done < breaks.length; done += agents.length) {
    const wave = breaks.slice(done, done + agents.length).map((kind, index) => ({ kind, agentId: agents[index] ?? '', afterMs: random.between(0, 3000) }));
    hit.push(...(await Promise.all(wave.map((one) => breakTurn(system, load, one)))));
    const asked = await Promise.all(wave.map(({ agentId }) => load.submit(agentId, [{ text: 'still here' }])));
    following.push(...asked);
    if (!(await load.settled(SETTLE_MS)) || !(await completed(system, asked))) break;
  }
  return { hit, following };
}

type Break = (system: ServiceSystem, agentId: string) => Promise<unknown>;

const crash: Break = async (system, agentId) => (await containerOf(system.deployment, agentId)).kill();

const outOfMemory: Break = async (system, agentId) => execIn(await containerOf(system.deployment, agentId), 'sh', '-c', RUN_OUT_OF_MEMORY);

const hang: Break = async (system, agentId) => execIn(await containerOf(system.deployment, agentId), 'sh', '-c', FREEZE_CODEX);

/** A turn whose agent breaks some time after the model was asked. */
async function breakTurn(system: ServiceSystem, load: TurnLoad, { kind, agentId, afterMs }: { kind: Break; agentId: string; afterMs: number }): Promise<Submitted> {
  const turn = await load.submit(agentId, [LONG], { timeout_s: TURN_TIMEOUT_S });
  await system.fake.waitFor((request) => request.model?.userText.includes(turn.mark) === true, MODEL_TIMEOUT_MS);
  await delay(afterMs);
  await kind(system, agentId);
  return turn;
}

async function completed(system: ServiceSystem, turns: readonly Submitted[]): Promise<boolean> {
  const records = await Promise.all(turns.map(({ turnId }) => system.turns.load(turnId)));
  return records.every((record) => record?.status === 'completed');
}

async function durations(system: ServiceSystem, turns: readonly Submitted[]): Promise<number[]> {
  const records = await Promise.all(turns.map(({ turnId }) => system.turns.load(turnId)));
  return records.flatMap((record) => (record?.finishedAtMs !== undefined && record.startedAtMs !== undefined ? [record.finishedAtMs - record.startedAtMs] : []));
}

async function lateOnes(system: ServiceSystem, turns: readonly Submitted[]): Promise<string[]> {
  const late = (await durations(system, turns)).filter((tookMs) => tookMs > TURN_TIMEOUT_S * 1000 + LATE_MS);
  return late.length > 0 ? [`${late.length} turns ended too late, after ${late.join(', ')} ms`] : [];
}
