import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { docker } from '../../stack/agent-containers.js';

const ContainerEvent = z.object({ Action: z.string(), Actor: z.object({ Attributes: z.record(z.string(), z.string()) }) });

/** What the engine tells of a deployment's containers, as it happens. */
export class EngineEvents {
  private readonly heard = new EventEmitter().setMaxListeners(0);
  private readonly counts = new Map<string, number>();

  private constructor(stream: Readable) {
    createInterface({ input: stream }).on('line', (line) => this.receive(line));
    stream.on('error', () => undefined);
  }

  /** Listens for as long as `work` takes. */
  static async during<Result>(deployment: string, work: (events: EngineEvents) => Promise<Result>): Promise<Result> {
    const filters = JSON.stringify({ type: ['container'], label: [`codex-mcp.deployment=${deployment}`] });
    const stream = (await docker.getEvents({ filters })) as Readable;
    try {
      return await work(new EngineEvents(stream));
    } finally {
      stream.destroy();
    }
  }

  /** Resolves when this happens to an agent's container, such as `create`, `start`, `die`, `destroy`, or when `signal` aborts. */
  async next(action: string, agentId: string, signal: AbortSignal): Promise<void> {
    await once(this.heard, `${action} ${agentId}`, { signal }).catch(() => undefined);
  }

  /** How often this has happened so far. */
  count(action: string): number {
    return this.counts.get(action) ?? 0;
  }

  private receive(line: string): void {
    const { data } = ContainerEvent.safeParse(JSON.parse(line));
    if (!data) return;
    this.counts.set(data.Action, this.count(data.Action) + 1);
    this.heard.emit(`${data.Action} ${data.Actor.Attributes['codex-mcp.agent-id']}`);
  }
}
