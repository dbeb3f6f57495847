import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { EngineEvents } from '../system/engine-events.js';
import type { Request } from './supervisor-commands.js';

/** When to kill: so long after the request, or after what the engine tells next of the agent's container. */
export type Moment = { readonly event: string | undefined; readonly afterMs: number };

/** A request that the engine has nothing to do for. */
const NO_EVENT_MS = 2000;

/** Ends the supervisor in the middle of what it does and starts another, one after the other. */
export class SupervisorKills {
  count = 0;
  /** Kills before which the request was not yet over. */
  hits = 0;
  lastReturnAtMs = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly system: ServiceSystem,
    private readonly events: EngineEvents,
  ) {}

  /** Resolves with the request and the time of the kill when the next supervisor lives. `whileAway` runs before that one starts. */
  during<R extends Request>(agentId: string, moment: Moment, ask: () => Promise<R>, whileAway: (request: R) => Promise<void> = async () => undefined): Promise<{ request: R; atMs: number }> {
    const result = this.turn.then(async () => {
      const told = this.moment(agentId, moment);
      const request = await ask();
      await told;
      const { supervisor } = this.system;
      if (!(await request.isOver())) this.hits += 1;
      supervisor.signal('SIGKILL');
      const atMs = Date.now();
      this.count += 1;
      await supervisor.exit();
      await whileAway(request);
      await this.system.alive(this.system.launch('supervisor').pid);
      this.lastReturnAtMs = Date.now();
      return { request, atMs };
    });
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async moment(agentId: string, { event, afterMs }: Moment): Promise<void> {
    if (event !== undefined) await this.events.next(event, agentId, AbortSignal.timeout(NO_EVENT_MS));
    await delay(afterMs);
  }
}
