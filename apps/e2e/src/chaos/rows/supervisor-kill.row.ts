import { agentKey, LOCAL_TENANT } from '@codex-mcp/contracts';
import { eventually, type Step } from '@codex-mcp/testing';
import { warmAgents } from '../load/agents.js';
import { keepBusy } from '../load/keep-busy.js';
import { type Request, SupervisorCommand } from '../load/supervisor-commands.js';
import { type Moment, SupervisorKills } from '../load/supervisor-kills.js';
import { TurnLoad } from '../load/turn-load.js';
import { judge, otherEndings } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import { census, disagreements } from '../system/census.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { EngineEvents } from '../system/engine-events.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [KILLS, STEADY_AGENTS, LANES, WORKERS] = [50, 3, 8, 2];
const PAUSES_MS = [10, 100, 300, 800];
const SETTLE_MS = 90_000;
const AGREE_MS = 30_000;
const MIN_HIT_SHARE = 0.5;

/** What the engine tells during an operation, and how long the operation takes at most on an idle machine. */
const STEPS = {
  create: { events: ['create', 'start'], windowMs: 600 },
  stop: { events: ['kill', 'die'], windowMs: 150 },
  start: { events: ['start'], windowMs: 500 },
  remove: { events: ['kill', 'die', 'destroy'], windowMs: 200 },
};
const SOON_AFTER_MS = 20;

/** The supervisor is killed at every step of what it does with agents, while others work; some of those who asked give up. */
export const supervisorKillRow: Row = {
  number: 4,
  title: 'supervisor SIGKILL at each step',
  workers: WORKERS,
  mutation: { file: 'apps/supervisor/dist/agents/reaper.js', find: 'async reap() {', replace: 'async reap() { return;' },
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const load = new TurnLoad(system);
    const steady = await warmAgents(load, STEADY_AGENTS);
    return EngineEvents.during(system.deployment, async (events) => {
      const kills = new SupervisorKills(system, events);
      const lives = new Lives(system, load, kills, random);
      const stopLoad = keepBusy(load, steady, random, PAUSES_MS);
      await lives.all(scaled(KILLS));
      await stopLoad();
      await load.settled(SETTLE_MS);
      const verdict = await judge(system, load.submitted);
      const failures = [...broken(system, verdict), ...(await otherEndings(system, verdict)), ...lives.failures];
      failures.push(...(await orphans(system, kills.lastReturnAtMs, steady, lives.removed)));
      if (kills.hits < kills.count * MIN_HIT_SHARE) failures.push(`only ${kills.hits} of ${kills.count} kills hit an operation`);
      return { verdict, faults: kills.count, recoveriesMs: lives.recoveriesMs, failures };
    });
  },
};

/** Agents that come and go, with a kill of the supervisor at each change. */
class Lives {
  readonly removed: string[] = [];
  readonly failures: string[] = [];
  readonly recoveriesMs: number[] = [];
  private planned = 0;
  private count = 0;

  constructor(
    private readonly system: ServiceSystem,
    private readonly load: TurnLoad,
    private readonly kills: SupervisorKills,
    private readonly random: Random,
  ) {}

  /** Resolves after so many kills. */
  async all(kills: number): Promise<void> {
    const lane = async () => {
      while (this.planned < kills) await this.next();
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  private next(): Promise<void> {
    const number = this.count++;
    const name = `fleeting-${number}`;
    const kind = number % 3;
    this.planned += kind === 0 ? 4 : 1;
    const life = kind === 0 ? this.whole(name) : kind === 1 ? this.abandonedStart(name) : this.abandonedRemoval(name);
    return life.catch((error: unknown) => void this.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`));
  }

  private async whole(name: string): Promise<void> {
    await this.survive('create', name, () => this.turn(name, { text: 'ready' }));
    await this.survive('stop', name, () => SupervisorCommand.give(this.system, 'stop', name));
    await this.survive('start', name, () => this.turn(name, { text: 'awake' }));
    await this.survive('remove', name, () => SupervisorCommand.give(this.system, 'remove', name));
    this.removed.push(name);
  }

  private async abandonedStart(name: string): Promise<void> {
    await this.kills.during(name, this.moment('create'), () => SupervisorCommand.give(this.system, 'ensure', name), (command) => command.withdraw());
  }

  private async abandonedRemoval(name: string): Promise<void> {
    await (await this.turn(name, { text: 'ready' })).done();
    await this.kills.during(name, this.moment('remove'), () => SupervisorCommand.give(this.system, 'remove', name), (command) => command.withdraw());
  }

  private async survive(step: keyof typeof STEPS, name: string, ask: () => Promise<Request>): Promise<void> {
    const { request, atMs } = await this.kills.during(name, this.moment(step), ask);
    await request.done();
    this.recoveriesMs.push(Date.now() - atMs);
  }

  private async turn(name: string, step: Step): Promise<Request> {
    const turn = await this.load.submit(name, [step]);
    const isOver = async () => (await this.system.turns.load(turn.turnId))?.terminal !== undefined;
    return { isOver, done: () => eventually(isOver, { timeoutMs: SETTLE_MS, intervalMs: 50 }).then(() => undefined) };
  }

  private moment(step: keyof typeof STEPS): Moment {
    const { events, windowMs } = STEPS[step];
    const atRandom = { event: undefined, afterMs: this.random.between(0, windowMs) };
    const aimed = events.map((event) => ({ event, afterMs: this.random.between(0, SOON_AFTER_MS) }));
    return this.random.pick([atRandom, atRandom, ...aimed]);
  }
}

/** What is left over or not the same in all places when the supervisor has had its time. */
async function orphans(system: ServiceSystem, returnedAtMs: number, kept: readonly string[], removed: readonly string[]): Promise<string[]> {
  const keyOf = (name: string) => agentKey(LOCAL_TENANT, name).slice(0, 16);
  let found: string[] = [];
  const agree = async () => {
    const places = await census(system);
    const missing = kept.filter((name) => !places.registry.includes(keyOf(name))).map((name) => `${name} is gone`);
    const left = removed.filter((name) => places.registry.includes(keyOf(name))).map((name) => `${name} is still there`);
    found = [...disagreements(places, places.registry), ...missing, ...left];
    return found.length === 0;
  };
  await eventually(agree, { timeoutMs: Math.max(returnedAtMs + AGREE_MS - Date.now(), 0), intervalMs: 200 }).catch(() => undefined);
  return found;
}
