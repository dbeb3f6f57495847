import { TurnCommand } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { ENVELOPE_LIFETIMES_MS, Envelopes } from './envelopes/envelopes.js';
import { keys } from './keys.js';

const ACTION = 'turn-command';

/** As it is published. */
export const sealedCommand = (envelopes: Envelopes, command: TurnCommand): string => JSON.stringify(envelopes.seal(ACTION, command, ENVELOPE_LIFETIMES_MS.turnCommand));

/**
 * Brings commands to the worker that runs a turn. A cancellation announced in an outage is made up for by
 * `onReconnect`, where the worker looks at the flags of its turns. One that no edge has signed goes to `onForged`.
 */
export class TurnControl {
  constructor(
    private readonly subscriber: Redis,
    private readonly envelopes = Envelopes.none,
    private readonly onForged: (flaw: string, command: TurnCommand) => void = () => undefined,
  ) {}

  async listen(onCommand: (command: TurnCommand) => void, onReconnect: () => void): Promise<void> {
    this.subscriber.on('message', (channel: string, message: string) => {
      if (channel === keys.turnControl) this.hear(message, onCommand);
    });
    this.subscriber.on('ready', () => {
      this.subscriber.subscribe(keys.turnControl).then(onReconnect, () => undefined);
    });
    await this.subscriber.subscribe(keys.turnControl);
  }

  private hear(message: string, onCommand: (command: TurnCommand) => void): void {
    const json = parsed(message);
    const command = TurnCommand.safeParse(json);
    if (!command.success) return;
    const flaw = this.envelopes.flaw(ACTION, json, ['mcp-edge']);
    if (flaw === undefined) onCommand(command.data);
    else this.onForged(flaw, command.data);
  }
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}
