import { AppError, isTerminal, isTerminalEvent } from '@codex-mcp/contracts';
import { TurnLogReader } from '@codex-mcp/messaging';
import { Injectable } from '@nestjs/common';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { parseResourceUri } from './resource-uri.js';

/** A reader is not told of every word of a message. */
const PACE_MS = 1000;

/** Says when transcripts of running turns have grown. */
@Injectable()
export class ResourceUpdates {
  constructor(
    private readonly lookup: TurnLookup,
    private readonly reader: TurnLogReader,
  ) {}

  /**
   * Calls back when the transcript at the URI has changed, at most once a second, and at its end, after which nothing more comes;
   * `onEnd` then. The signal ends it too. Rejects with `unknown_turn`, and with `invalid_arguments` for what is no transcript.
   */
  async watch(tenant: string, uri: string, onUpdated: () => void, onEnd: () => void, signal: AbortSignal): Promise<void> {
    const address = parseResourceUri(uri);
    if (address?.kind !== 'turn') throw new AppError('invalid_arguments', 'Only transcripts of turns, agent://{agent_id}/turns/{turn_id}, tell of their changes; read other resources again.');
    const { request, status } = await this.lookup.find(tenant, address.turnId);
    if (request.agent.agentId !== address.agentId) throw new AppError('unknown_turn', `Agent "${address.agentId}" has no such turn.`);
    if (isTerminal(status)) return onEnd();
    let timer: NodeJS.Timeout | undefined;
    let leave: () => void = () => undefined;
    let isOver = false;
    const stop = () => {
      isOver = true;
      clearTimeout(timer);
      leave();
    };
    const tell = () => {
      timer = undefined;
      onUpdated();
    };
    const left = await this.reader.follow(address.turnId, ({ event }) => {
      if (isOver) return;
      if (!isTerminalEvent(event)) return void (timer ??= setTimeout(tell, PACE_MS));
      stop();
      onUpdated();
      onEnd();
    });
    leave = left;
    if (isOver || signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
  }
}
