import { eventually } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { TurnLoad } from '../load/turn-load.js';
import { judge, otherEndings } from '../load/verdict.js';
import { footprint, grown } from '../system/footprint.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [TURNS, AGENTS, WORKERS] = [500, 6, 2];
const WARM_UP_SHARE = 0.1;
/** Connections of agents that come and go with their turns. */
const ALLOWED = 8;
const SETTLE_MS = 600_000;
const CALM_MS = 15_000;

/** Many turns, some with commands; afterwards the system holds on to no more than before. */
export const soakRow: Row = {
  number: 21,
  title: 'soak',
  workers: WORKERS,
  mutation: { file: 'libs/messaging/dist/turn.scripts.js', find: "redis.call('PEXPIRE', log, retentionMs)", replace: '' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const play = async (turns: number) => {
      for (let turn = 0; turn < turns; turn++) await load.submit(agents[turn % AGENTS] ?? '', random.next() < 0.2 ? [{ shell: 'echo hello > file.txt; sleep 0.1 &' }, { text: 'done' }] : [{ text: 'some words' }]);
      await load.settled(SETTLE_MS);
    };
    await play(Math.max(AGENTS, scaled(TURNS * WARM_UP_SHARE)));
    const before = await footprint(system);
    await play(scaled(TURNS));
    const growth = async () => grown(before, await footprint(system), ALLOWED);
    await eventually(async () => (await growth()).length === 0, { timeoutMs: CALM_MS, intervalMs: 500 }).catch(() => undefined); // told below
    const verdict = await judge(system, load.submitted);
    const failures = [...broken(system, verdict), ...(await growth())];
    failures.push(...(await otherEndings(system, verdict)));
    return { verdict, faults: 0, recoveriesMs: [], failures };
  },
};
