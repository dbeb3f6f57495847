import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { Service } from '../../scorecard/system/service-group.js';
import type { Hit } from './recoveries.js';
import type { Submitted, TurnLoad } from './turn-load.js';

/** Ends workers without notice, starts others in their place, and remembers which turns that hit. */
export class WorkerKills {
  readonly hits: Hit[] = [];
  count = 0;

  constructor(
    private readonly system: ServiceSystem,
    private readonly load: TurnLoad,
  ) {}

  /** False when the worker runs no turn. */
  async kill(worker: Service): Promise<boolean> {
    const held = (await this.holdings()).get(worker) ?? [];
    if (held.length === 0 || !worker.isRunning) return false;
    worker.signal('SIGKILL');
    const atMs = Date.now();
    this.count += 1;
    this.hits.push(...held.map((turn) => ({ turn, atMs })));
    this.system.launch('worker');
    return true;
  }

  /** The workers that run turns, with those turns. */
  async holdings(): Promise<Map<Service, Submitted[]>> {
    const running = await this.load.running();
    const holders = await Promise.all(running.map(({ agentId }) => this.system.holderOf(agentId)));
    const held = new Map<Service, Submitted[]>();
    for (const [index, turn] of running.entries()) {
      const worker = holders[index];
      if (worker) held.set(worker, [...(held.get(worker) ?? []), turn]);
    }
    return held;
  }
}
