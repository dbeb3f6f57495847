import { eventually } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { TurnLoad } from '../load/turn-load.js';
import { judge, otherEndings, together, type Verdict } from '../load/verdict.js';
import { footprint, grown } from '../system/footprint.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [TURNS, AGENTS, WORKERS] = [500, 6, 2];
const MAX_FINISHED = 10;
/** So many turns are judged before the next ones have them forgotten. */
const BATCH = AGENTS * MAX_FINISHED;
/** Connections of agents that come and go with their turns. */
const ALLOWED = 8;
const SETTLE_MS = 600_000;
const CALM_MS = 15_000;
const WORDS = [{ text: 'some words' }];
const WITH_COMMAND = [{ shell: 'echo hello > file.txt; sleep 0.1 &' }, { text: 'done' }];

/** Many turns, some with commands; afterwards the system holds on to no more than before. */
export const soakRow: Row = {
  number: 21,
  title: 'soak',
  workers: WORKERS,
  env: { MAX_FINISHED_TURNS: String(MAX_FINISHED) },
  mutation: { file: 'libs/messaging/dist/turn.scripts.js', find: "redis.call('PEXPIRE', log, retentionMs)", replace: '' },
  alsoMutants: [{ file: 'libs/messaging/dist/turn-sweep.script.js', find: "redis.call('UNLINK', turn, turn .. ':log')", replace: '' }],
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const play = async (turns: number): Promise<Verdict> => {
      const batch = [];
      for (let turn = 0; turn < turns; turn++) batch.push(await load.submit(agents[turn % AGENTS] ?? '', random.next() < 0.2 ? WITH_COMMAND : WORDS));
      await load.settled(SETTLE_MS, batch);
      return judge(system, batch);
    };
    const verdicts = [await play(BATCH)];
    const before = await footprint(system);
    for (let left = scaled(TURNS); left > 0; left -= BATCH) verdicts.push(await play(Math.min(left, BATCH)));
    const growth = async () => grown(before, await footprint(system), ALLOWED);
    await eventually(async () => (await growth()).length === 0, { timeoutMs: CALM_MS, intervalMs: 500 }).catch(() => undefined); // told below
    const verdict = together(verdicts);
    const failures = [...broken(system, verdict), ...(await growth())];
    failures.push(...(await otherEndings(system, verdict)));
    return { verdict, faults: 0, recoveriesMs: [], failures };
  },
};
