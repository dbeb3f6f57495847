import { setTimeout as delay } from 'node:timers/promises';
import { warmAgents } from '../load/agents.js';
import { forgetful } from '../load/memory.js';
import { type Submitted, TurnLoad } from '../load/turn-load.js';
import { judge, otherEndings } from '../load/verdict.js';
import { whyNoPrivateEngine } from '../system/private-engine.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [RESTARTS, AGENTS, WORKERS] = [['SIGTERM', 'SIGKILL'], 3, 1] as const;
const MODEL_TIMEOUT_MS = 60_000;
const SETTLE_MS = 90_000;
const AWAY_MS = 2000;
/** Longer than the engine is away. */
const LONG = { text: 'one two three four five six', chunks: 6, delayMs: 1000 };

/** The engine goes away and comes back while turns run; what needs it meanwhile waits for it. */
export const engineRestartRow: Row = {
  number: 8,
  title: 'engine restart',
  workers: WORKERS,
  ownEngine: true,
  unavailable: whyNoPrivateEngine,
  mutation: { file: 'apps/supervisor/dist/patience.js', find: '!(error instanceof AwayError)', replace: 'error' },
  async run({ system, engine, scaled }: RowContext): Promise<RowOutcome> {
    if (!engine) throw new Error('this row needs an engine of its own');
    const load = new TurnLoad(system);
    const agents = await warmAgents(load, AGENTS);
    const first = new Map(load.submitted.map((turn) => [turn.agentId, turn]));
    const following: Submitted[] = [];
    const recoveriesMs: number[] = [];
    for (const signal of RESTARTS.slice(0, scaled(RESTARTS.length))) {
      const running = await Promise.all(agents.map((agentId) => load.submit(agentId, [LONG])));
      await Promise.all(running.map(({ mark }) => system.fake.waitFor(({ model }) => model?.userText.includes(mark) === true, MODEL_TIMEOUT_MS)));
      await engine.end(signal);
      const newcomer = await load.submit(`newcomer-${signal.toLowerCase()}`, [{ text: 'ready' }]);
      await delay(AWAY_MS);
      await engine.launch();
      const backAt = performance.now();
      await load.settled(SETTLE_MS, [newcomer]);
      recoveriesMs.push(performance.now() - backAt);
      for (const agentId of agents) following.push(await load.submit(agentId, [{ text: 'still here' }]));
      await load.settled(SETTLE_MS);
    }
    const verdict = await judge(system, load.submitted);
    const failures = [...broken(system, verdict), ...(await otherEndings(system, verdict)), ...(await forgetful(system, following, first))];
    if (verdict.askedAgain.length > 0) failures.push(`${verdict.askedAgain.length} turns had to ask the model again`);
    return { verdict, faults: recoveriesMs.length, recoveriesMs, failures };
  },
};
