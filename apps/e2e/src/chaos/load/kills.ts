import type { ChaosSystem } from '../system/chaos-system.js';
import type { Service } from '../system/service-group.js';
import type { Hit } from './recoveries.js';
import type { TurnLoad } from './turn-load.js';

/** Ends workers without notice, starts others in their place, and remembers which turns that hit. */
export class WorkerKills {
  readonly hits: Hit[] = [];
  count = 0;

  constructor(
    private readonly system: ChaosSystem,
    private readonly load: TurnLoad,
  ) {}

  /** False when the worker runs no turn. */
  async kill(worker: Service): Promise<boolean> {
    const held = await this.heldBy(worker);
    if (held.length === 0 || !worker.isRunning) return false;
    worker.signal('SIGKILL');
    const atMs = Date.now();
    this.count += 1;
    this.hits.push(...held.map((turn) => ({ turn, atMs })));
    this.system.launch('worker');
    return true;
  }

  async heldBy(worker: Service) {
    const running = await this.load.running();
    const holders = await Promise.all(running.map(({ agentId }) => this.system.holderOf(agentId)));
    return running.filter((_, index) => holders[index] === worker);
  }
}
