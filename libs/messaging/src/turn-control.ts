import type { Redis } from 'ioredis';
import { keys } from './keys.js';

/**
 * Brings cancel requests to the worker that runs a turn. An announcement lost in an outage is
 * made up for by `onReconnect`, where the worker looks at the flags of its turns.
 */
export class TurnControl {
  constructor(private readonly subscriber: Redis) {}

  async listen(onCancel: (turnId: string) => void, onReconnect: () => void): Promise<void> {
    this.subscriber.on('message', (channel: string, turnId: string) => {
      if (channel === keys.turnControl) onCancel(turnId);
    });
    this.subscriber.on('ready', () => {
      this.subscriber.subscribe(keys.turnControl).then(onReconnect, () => undefined);
    });
    await this.subscriber.subscribe(keys.turnControl);
  }
}
