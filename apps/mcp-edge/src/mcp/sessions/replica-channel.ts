import { randomBytes } from 'node:crypto';
import { Scope } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { LOGGER, REDIS, REDIS_SUBSCRIBER } from '../../edge.tokens.js';

const ALL = 'codex-mcp:mcp:replicas';
const ofReplica = (replica: string): string => `codex-mcp:mcp:replica:${replica}`;

const Message = z.looseObject({ jsonrpc: z.literal('2.0') });
const session = z.string();

/** Of the token that came with a message. One that a later version knows allows nothing here; edges from before there were scopes say none. */
const Scopes = z.array(z.string()).transform((names) => Scope.options.filter((scope) => names.includes(scope)));

/** What replicas tell each other. */
const Note = z.discriminatedUnion('type', [
  /** A client's message for a session whose stream, or whose question, is at the addressed replica. */
  z.object({ type: z.literal('message'), session, message: Message, context: z.object({ correlationId: z.string(), scopes: Scopes.optional(), agentHint: z.string().optional(), workspaceHint: z.string().optional(), toolset: z.string().optional() }).optional() }),
  /** A notification of the client that concerns wherever the session is known: a cancellation, changed roots. */
  z.object({ type: z.literal('notification'), session, message: Message }),
  z.object({ type: z.literal('ended'), session }),
  /** A client wants to hear no more of a resource. */
  z.object({ type: z.literal('unsubscribed'), session, uri: z.string() }),
  /** An event stream has grown. */
  z.object({ type: z.literal('grown'), key: z.string() }),
  /** A client reads an event stream again; whoever serves its former connection ends that. */
  z.object({ type: z.literal('taken'), key: z.string(), reader: z.string() }),
  /** Something changed that clients may listen for. */
  z.object({ type: z.literal('changed'), event: z.union([z.object({ kind: z.enum(['tools_list_changed', 'prompts_list_changed', 'resources_list_changed']) }), z.object({ kind: z.literal('resource_updated'), uri: z.string() })]) }),
]);
export type Note = z.infer<typeof Note>;
export type NoteOf<Type extends Note['type']> = Extract<Note, { type: Type }>;

/** Brings notes from replica to replica. One that is sent while Redis is away is lost, as is one for a replica that has ended. */
@Injectable()
export class ReplicaChannel implements OnModuleInit {
  /** This process among the replicas. */
  readonly self = randomBytes(6).toString('hex');
  private readonly listeners = new Map<Note['type'], ((note: never) => void)[]>();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(REDIS_SUBSCRIBER) private readonly subscriber: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const channels = [ALL, ofReplica(this.self)];
    this.subscriber.on('message', (channel: string, text: string) => channels.includes(channel) && this.receive(text));
    const subscribe = () => void this.subscriber.subscribe(...channels).catch(() => undefined); // the next connection tries again
    this.subscriber.on('ready', subscribe);
    if (this.subscriber.status === 'ready') subscribe();
  }

  on<Type extends Note['type']>(type: Type, listener: (note: NoteOf<Type>) => void): void {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }

  /** Whether the replica was there to hear it. */
  async tell(replica: string, note: Note): Promise<boolean> {
    return (await this.redis.publish(ofReplica(replica), JSON.stringify(note))) > 0;
  }

  /** False for a replica that has ended. */
  async isThere(replica: string): Promise<boolean> {
    if (replica === this.self) return true;
    const [, listeners] = (await this.redis.pubsub('NUMSUB', ofReplica(replica))) as [string, number];
    return listeners > 0;
  }

  /** Reaches this replica too. */
  tellAll(note: Note): void {
    this.redis.publish(ALL, JSON.stringify(note)).catch((error: unknown) => this.logger.debug({ err: error, note: note.type }, 'the other replicas were not told'));
  }

  private receive(text: string): void {
    const note = Note.safeParse(JSON.parse(text));
    if (!note.success) return; // of a newer version
    for (const listener of this.listeners.get(note.data.type) ?? []) listener(note.data as never);
  }
}
