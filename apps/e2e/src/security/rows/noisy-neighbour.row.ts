import { agentKey, AppError, isTerminal, LOCAL_TENANT } from '@codex-mcp/contracts';
import { eventually } from '@codex-mcp/testing';
import type { ContainerStats } from 'dockerode';
import { type Submitted, TurnLoad } from '../../chaos/load/turn-load.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { containerOf } from '../../stack/agent-containers.js';
import type { RowContext, RowOutcome, SystemRow } from './row.js';

const [TURNS, MAX_RATIO, QUEUED] = [12, 2, 40];
/** What the engine counts beyond the limit: its own processes on their way in. */
const PIDS_SLACK = 32;
const [PIDS, LOG_BYTES, DISK_BYTES] = [256, 2.2 * 1024 ** 2, 100 * 1024 ** 2];
const NEIGHBOUR = 'neighbour';
const SETTLE_MS = 120_000;
const NOISE_TIMEOUT_S = 60;
const SPACE = 'apps/supervisor/dist';

const CANCELLED = { type: 'cancelled', error: new AppError('turn_cancelled', 'The noise is over.').toBody() } as const;

type Case = {
  readonly name: string;
  /** What the noisy agent's turns do; more than one are queued behind each other. */
  readonly shell: string;
  readonly turns: number;
  /** Resolves when the noise is there; rejects with what is missing. */
  readonly isThere: (system: ServiceSystem, agentId: string) => Promise<void>;
  /** What was not held in. */
  readonly judge: (system: ServiceSystem, noise: readonly Submitted[]) => Promise<string[]>;
};

const CASES: readonly Case[] = [
  { name: 'fork bomb', shell: "perl -e 'while (1) { fork }'", turns: 1, isThere: async (system, agentId) => must((await processes(system, agentId)) > PIDS / 2), judge: async (system, [turn]) => tooMany(await processes(system, turn?.agentId ?? '')) },
  { name: 'out of memory', shell: 'while :; do tail -n 1 /dev/zero; done', turns: 1, isThere: async (system, agentId) => must((await memoryShare(system, agentId)) > 0.5), judge: async () => [] },
  { name: 'full disk', shell: 'i=0; while [ $i -lt 150 ]; do i=$((i+1)); head -c 4M /dev/zero > fill-$i || exit; sleep 0.02; done; sleep 60', turns: 1, isThere: async () => undefined, judge: notStopped },
  { name: 'flood of logs', shell: 'yes codex-mcp-flood-of-logs > /proc/1/fd/1', turns: 1, isThere: async (system, agentId) => must((await logBytes(system, agentId)) > LOG_BYTES / 4), judge: async (system, [turn]) => tooLong(await logBytes(system, turn?.agentId ?? '')) },
  { name: 'flood of turns', shell: 'true', turns: QUEUED, isThere: async () => undefined, judge: async () => [] },
];

/** One agent takes all that it can get; another one's turns are timed before and meanwhile. */
export const noisyNeighbourRow: SystemRow = {
  number: 19,
  title: 'noisy neighbour',
  isAlone: true,
  system: { workers: 1, env: { WORKSPACE_MAX_BYTES: '100m', CONTAINER_MEMORY_LIMIT: '512m' } },
  mutation: { file: `${SPACE}/disk/disk-watch.js`, find: 'if (usedBytes > known.allowedBytes)', replace: 'if (false)' },
  alsoMutants: [
    { file: `${SPACE}/runtime/docker/container-spec.js`, find: 'const PIDS = 256;', replace: 'const PIDS = 512;' },
    { file: `${SPACE}/runtime/docker/container-spec.js`, find: "'max-size': '1m'", replace: "'max-size': '50m'" },
  ],
  async run({ system, scaled, random }: RowContext & { readonly system: ServiceSystem }): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const turns = scaled(TURNS);
    await timed(system, load, 1);
    const [failures, slow, ratios]: [string[], string[], string[]] = [[], [], []];
    const cases = order(random).slice(0, scaled(2 * CASES.length));
    for (const one of cases) {
      const { ratio, held } = await play(system, load, one, turns);
      failures.push(...held.map((what) => `${one.name}: ${what}`));
      ratios.push(`${one.name} ${ratio.toFixed(2)}×`);
      if (ratio >= MAX_RATIO) slow.push(`${one.name}: the neighbour's turns took ${ratio.toFixed(2)} times as long`);
    }
    return { tried: `${cases.length} kinds of noise, ${turns} turns each`, measured: ratios.join(', '), failures, slow };
  },
};

/** The order of the cases; a smaller run has the first of them. */
function order(random: Random): readonly Case[] {
  const first = random.between(0, CASES.length - 1);
  return [...CASES.slice(first), ...CASES.slice(0, first)];
}

async function play(system: ServiceSystem, load: TurnLoad, { name, shell, turns: queued, isThere, judge }: Case, turns: number): Promise<{ ratio: number; held: string[] }> {
  const agentId = name.replaceAll(' ', '-');
  const ready = await load.submit(agentId, [{ text: 'ready' }]);
  if (!(await load.settled(SETTLE_MS, [ready]))) throw new Error(`${name}: the agent did not come up`);
  const quiet = await timed(system, load, turns);
  const noise = await Promise.all(Array.from({ length: queued }, () => load.submit(agentId, [{ shell }, { text: 'done' }], { timeout_s: NOISE_TIMEOUT_S })));
  try {
    await eventually(() => isThere(system, agentId), { timeoutMs: NOISE_TIMEOUT_S * 1000 });
    const noisy = await timed(system, load, turns);
    return { ratio: median(noisy) / median(quiet), held: await judge(system, noise) };
  } finally {
    for (const { turnId } of noise) await system.turns.cancel({ turnId, agent: { key: agentKey(LOCAL_TENANT, agentId) } }, CANCELLED);
    await containerOf(system.deployment, agentId).then((container) => container.remove({ force: true })).catch(() => undefined);
  }
}

/** How long the neighbour's turns take, one after the other, from their acceptance to their record. */
async function timed(system: ServiceSystem, load: TurnLoad, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let done = 0; done < count; done += 1) {
    const turn = await load.submit(NEIGHBOUR, [{ shell: 'echo work' }, { text: 'done' }]);
    if (!(await load.settled(SETTLE_MS, [turn]))) throw new Error('a turn of the neighbour did not end');
    const record = await system.turns.load(turn.turnId);
    if (record?.status !== 'completed') throw new Error(`a turn of the neighbour ended as ${record?.status}`);
    took.push((record.finishedAtMs ?? 0) - record.request.acceptedAtMs);
  }
  return took;
}

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;

function must(holds: boolean): void {
  if (!holds) throw new Error('the noise is not there yet');
}

const statsOf = async (system: ServiceSystem, agentId: string): Promise<ContainerStats> => (await containerOf(system.deployment, agentId)).stats({ stream: false, 'one-shot': true });

const processes = async (system: ServiceSystem, agentId: string): Promise<number> => (await statsOf(system, agentId)).pids_stats?.current ?? 0;

async function memoryShare(system: ServiceSystem, agentId: string): Promise<number> {
  const { usage, limit } = (await statsOf(system, agentId)).memory_stats;
  return usage / limit;
}

/** What the engine still has of the container's output. */
const logBytes = async (system: ServiceSystem, agentId: string): Promise<number> => (await (await containerOf(system.deployment, agentId)).logs({ stdout: true, stderr: true })).length;

const tooMany = (count: number): string[] => (count > PIDS + PIDS_SLACK ? [`${count} processes`] : []);

const tooLong = (bytes: number): string[] => (bytes > LOG_BYTES ? [`${bytes} bytes of logs are kept`] : []);

/** The turn that fills the disk must be stopped for that, before it has written all that it wants. */
async function notStopped(system: ServiceSystem, [turn]: readonly Submitted[]): Promise<string[]> {
  const turnId = turn?.turnId ?? '';
  await eventually(async () => isTerminal((await system.turns.load(turnId))?.status ?? 'queued'), { timeoutMs: SETTLE_MS });
  const end = JSON.stringify((await system.turns.load(turnId))?.terminal ?? {});
  return end.includes('workspace_full') ? [] : [`the turn that filled ${DISK_BYTES} bytes of its disk ended otherwise (${end.slice(0, 300)})`];
}
