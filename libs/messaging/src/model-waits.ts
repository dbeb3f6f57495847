import { ModelWait } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';

/** Tells workers that a model request waits. Does nothing while Redis is away: a notice that comes late would be wrong. */
export function announceModelWait(redis: Redis, wait: ModelWait): void {
  if (redis.status === 'ready') redis.publish(keys.modelWaits, JSON.stringify(wait)).catch(() => undefined);
}

/** Brings such notices of all agents. One that is lost does no harm: the turn waits as it would with it. */
export class ModelWaits {
  constructor(private readonly subscriber: Redis) {}

  async listen(onWait: (wait: ModelWait) => void): Promise<void> {
    this.subscriber.on('message', (channel: string, message: string) => {
      if (channel !== keys.modelWaits) return;
      const wait = ModelWait.safeParse(parsed(message));
      if (wait.success) onWait(wait.data);
    });
    this.subscriber.on('ready', () => void this.subscriber.subscribe(keys.modelWaits).catch(() => undefined));
    await this.subscriber.subscribe(keys.modelWaits);
  }
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}
