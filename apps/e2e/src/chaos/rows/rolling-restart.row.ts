import { eventually } from '@codex-mcp/testing';
import { RestCaller } from '../load/rest-caller.js';
import { judge, otherEndings } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { Service } from '../../scorecard/system/service-group.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [ROUNDS, AGENTS, WORKERS, EDGES] = [3, 4, 2, 2];
const SETTLE_MS = 60_000;

/** Every service is stopped in order and started again, one after the other, while clients call over REST. */
export const rollingRestartRow: Row = {
  number: 11,
  title: 'rolling restart under load',
  workers: WORKERS,
  edges: EDGES,
  env: { SHUTDOWN_TIMEOUT: '1' },
  mutation: { file: 'apps/worker/dist/turns/turn-execution.js', find: 'if (options.signal.aborted || !isTransient(error, hasBegun))', replace: 'if (error)' },
  alsoMutants: [{ file: 'libs/messaging/dist/turn.scripts.js', find: "local known = ARGV[6] == '1' and redis.call('GET', KEYS[6])", replace: 'local known = false' }],
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const callers = Array.from({ length: AGENTS }, (_, index) => new RestCaller(urlsFrom(system, index), `agent-${index + 1}`));
    await Promise.all(callers.map((caller) => caller.call([{ text: 'ready' }])));
    const stop = new AbortController();
    const calls = callers.map((caller) => keepCalling(caller, random, stop.signal));
    const recoveriesMs: number[] = [];
    for (let round = 0; round < scaled(ROUNDS); round++) recoveriesMs.push(...(await restartAll(system)));
    stop.abort();
    await Promise.all(calls);
    const turns = callers.flatMap(({ answered }) => answered);
    const ended = async () => (await Promise.all(turns.map(({ turnId }) => system.turns.load(turnId)))).every((record) => record?.terminal !== undefined);
    await eventually(ended, { timeoutMs: SETTLE_MS, intervalMs: 200 }).catch(() => undefined); // an edge that ends answers with handles
    const verdict = await judge(system, turns);
    const failures = [...broken(system, verdict), ...callers.flatMap((caller) => caller.failures)];
    failures.push(...(await otherEndings(system, verdict)));
    if (callers.every(({ rejoined }) => rejoined === 0)) failures.push('no call lost its edge after it had become a turn, so nothing was tried');
    return { verdict, faults: recoveriesMs.length, recoveriesMs, failures };
  },
};

/** The addresses of all edges, beginning with another one for each caller. */
function urlsFrom({ edgePorts }: ServiceSystem, index: number): string[] {
  return edgePorts.map((_, offset) => `http://127.0.0.1:${edgePorts[(index + offset) % edgePorts.length]}`);
}

async function keepCalling(caller: RestCaller, random: Random, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) await caller.call([{ text: 'some words', chunks: 2, firstDelayMs: random.between(0, 1000), delayMs: random.pick([10, 300, 1500]) }]);
}

/** Resolves with how long each service was away. */
async function restartAll(system: ServiceSystem): Promise<number[]> {
  const away: number[] = [];
  for (const service of system.services()) away.push(await restart(system, service));
  return away;
}

async function restart(system: ServiceSystem, service: Service): Promise<number> {
  const endedAt = performance.now();
  await service.end();
  const port = system.edgePorts.find((each) => system.edgeOn(each) === service);
  const next = system.launch(service.app, port);
  await (port === undefined ? system.alive(next.pid) : system.serving(port));
  return performance.now() - endedAt;
}
