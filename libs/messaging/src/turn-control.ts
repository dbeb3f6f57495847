import { TurnCommand } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';

/**
 * Brings commands to the worker that runs a turn. A cancellation announced in an outage is made up for by
 * `onReconnect`, where the worker looks at the flags of its turns.
 */
export class TurnControl {
  constructor(private readonly subscriber: Redis) {}

  async listen(onCommand: (command: TurnCommand) => void, onReconnect: () => void): Promise<void> {
    this.subscriber.on('message', (channel: string, message: string) => {
      if (channel !== keys.turnControl) return;
      const command = TurnCommand.safeParse(JSON.parse(message));
      if (command.success) onCommand(command.data);
    });
    this.subscriber.on('ready', () => {
      this.subscriber.subscribe(keys.turnControl).then(onReconnect, () => undefined);
    });
    await this.subscriber.subscribe(keys.turnControl);
  }
}
