import { RestCaller } from '../load/rest-caller.js';
import { judge } from '../load/verdict.js';
import type { Random } from '../random.js';
import type { ChaosSystem } from '../system/chaos-system.js';
import type { Service } from '../system/service-group.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [ROUNDS, AGENTS, WORKERS] = [3, 4, 2];

/** Every service is stopped in order and started again, one after the other, while clients call over REST. */
export const rollingRestartRow: Row = {
  number: 11,
  title: 'rolling restart under load',
  workers: WORKERS,
  edges: 1,
  env: { SHUTDOWN_TIMEOUT: '1' },
  mutation: { file: 'apps/mcp-edge/dist/rest/tools.controller.js', find: "request.get('Idempotency-Key')?.trim()", replace: 'undefined' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const callers = Array.from({ length: AGENTS }, (_, index) => new RestCaller(`http://127.0.0.1:${system.edgePorts[0]}`, `agent-${index + 1}`));
    await Promise.all(callers.map((caller) => caller.call([{ text: 'ready' }])));
    const stop = new AbortController();
    const calls = callers.map((caller) => keepCalling(caller, random, stop.signal));
    const recoveriesMs: number[] = [];
    for (let round = 0; round < scaled(ROUNDS); round++) recoveriesMs.push(...(await restartAll(system)));
    stop.abort();
    await Promise.all(calls);
    const verdict = await judge(system, callers.flatMap(({ answered }) => answered));
    const failures = [...broken(system, verdict), ...callers.flatMap((caller) => caller.failures)];
    if (callers.every(({ retries }) => retries === 0)) failures.push('no call had to be repeated, so nothing was tried');
    return { verdict, faults: recoveriesMs.length, recoveriesMs, failures };
  },
};

async function keepCalling(caller: RestCaller, random: Random, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) await caller.call([{ text: 'some words', chunks: 2, firstDelayMs: random.between(0, 1000), delayMs: random.pick([10, 300, 1500]) }]);
}

/** Resolves with how long each service was away. */
async function restartAll(system: ChaosSystem): Promise<number[]> {
  const away: number[] = [];
  for (const service of system.services()) away.push(await restart(system, service));
  return away;
}

async function restart(system: ChaosSystem, service: Service): Promise<number> {
  const endedAt = performance.now();
  await service.end();
  const next = system.launch(service.app, service.app === 'mcp-edge' ? system.edgePorts[0] : undefined);
  await (service.app === 'mcp-edge' ? system.serving(system.edgePorts[0] ?? 0) : system.alive(next.pid));
  return performance.now() - endedAt;
}
