import type { ServerEvent, ServerEventBus } from '@modelcontextprotocol/server';
import { Injectable } from '@nestjs/common';
import { ReplicaChannel } from './replica-channel.js';

type Listener = (event: ServerEvent) => void;

/** What has changed, for the clients of all replicas that listen for it. */
@Injectable()
export class McpEvents implements ServerEventBus {
  private readonly listeners = new Set<Listener>();

  constructor(private readonly replicas: ReplicaChannel) {
    replicas.on('changed', ({ event }) => this.listeners.forEach((listener) => listener(event)));
  }

  publish(event: ServerEvent): void {
    this.replicas.tellAll({ type: 'changed', event });
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
