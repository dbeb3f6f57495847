import type { Fate } from '@codex-mcp/testing';
import { eventually } from '@codex-mcp/testing';
import { RestCaller } from '../load/rest-caller.js';
import type { Submitted } from '../load/turn-load.js';
import { judge, otherEndings } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [WRITES, AGENTS, WORKERS] = [5000, 6, 2];
const SHARE = 0.01;
/** One of so many has its connection stay open and say no more: its writer runs into a timeout. */
const MUTE_EVERY = 20;
const SETTLE_MS = 60_000;
const WRITE = /\$\d+\r\n(?:evalsha|eval|hset|hdel|set|sadd|srem|del|xadd|publish)\r\n/gi;
const WORDS = { text: 'one two three four five six seven eight nine ten', chunks: 10, delayMs: 40 };

/** Writes reach Redis, and then their writers lose the connection or the answer. */
export const ambiguousWriteRow: Row = {
  number: 10,
  title: 'ambiguous Redis writes',
  workers: WORKERS,
  edges: 1,
  redisBehindDoor: true,
  mutation: { file: 'libs/messaging/dist/turn.scripts.js', find: 'if tonumber(ARGV[i]) > last then', replace: 'if true then' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const callers = Array.from({ length: AGENTS }, (_, index) => new RestCaller(system.edgePorts.map((port) => `http://127.0.0.1:${port}`), `agent-${index + 1}`));
    await Promise.all(callers.map((caller) => caller.call([{ text: 'ready' }])));
    const losses = new AnswerLosses(random);
    system.redisDoor.rule = (sent) => losses.fateOf(sent);
    const planned = scaled(WRITES);
    await Promise.all(callers.map((caller) => callUntil(caller, () => losses.writes >= planned)));
    system.redisDoor.rule = () => 'pass';
    const turns = callers.flatMap(({ answered }) => answered);
    await eventually(() => allEnded(system, turns), { timeoutMs: SETTLE_MS, intervalMs: 200 }).catch(() => undefined); // the verdict tells
    const verdict = await judge(system, turns);
    const failures = [...broken(system, verdict), ...callers.flatMap((caller) => caller.failures), ...(await withGaps(system, turns)), ...(await unasked(system, turns))];
    failures.push(...(await otherEndings(system, verdict)));
    return { verdict, faults: losses.count, recoveriesMs: [], failures };
  },
};

/** Decides which writes lose their answer. */
class AnswerLosses {
  writes = 0;
  count = 0;

  constructor(private readonly random: Random) {}

  fateOf(sent: Buffer): Fate {
    const writes = sent.toString('latin1').match(WRITE)?.length ?? 0;
    this.writes += writes;
    if (writes === 0 || this.random.next() >= SHARE * writes) return 'pass';
    this.count += 1;
    return this.count % MUTE_EVERY === 0 ? 'mute' : 'cut';
  }
}

async function callUntil(caller: RestCaller, isEnough: () => boolean): Promise<void> {
  while (!isEnough()) await caller.call([WORDS]);
}

async function allEnded(system: ServiceSystem, turns: readonly Submitted[]): Promise<boolean> {
  const records = await Promise.all(turns.map(({ turnId }) => system.turns.load(turnId)));
  return records.every((record) => record?.terminal !== undefined);
}

/** Each event has a number, so that one that was lost on its way leaves a gap. */
async function withGaps(system: ServiceSystem, turns: readonly Submitted[]): Promise<string[]> {
  const logs = await Promise.all(turns.map(async ({ turnId }) => ({ turnId, log: await system.logs.read(turnId) })));
  const gaps = logs.filter(({ log }) => log.some(({ seq }, index) => seq !== index + 1));
  return gaps.length > 0 ? [`${gaps.length} logs have gaps (${gaps[0]?.turnId})`] : [];
}

/** Turns that nobody was told of: a call that was accepted twice. */
async function unasked(system: ServiceSystem, turns: readonly Submitted[]): Promise<string[]> {
  const known = new Set(turns.map(({ turnId }) => `codex-mcp:turn:${turnId}`));
  const all = (await system.redis.keys('codex-mcp:turn:turn_*')).filter((key) => !key.endsWith(':log'));
  const more = all.filter((key) => !known.has(key));
  return more.length > 0 ? [`${more.length} turns that no call was answered with`] : [];
}
