import { agentKey, type Heartbeat, type SignIn, type TerminalEvent, type TurnCommand, type TurnEvent, TurnJob, type TurnRequest, TURNS_QUEUE } from '@codex-mcp/contracts';
import { createRedis, createSubscriber, HeartbeatPublisher, QUEUE_PREFIX, TurnControl, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

type Beats = { [Name in 'worker' | 'supervisor' | 'gateway']?: Partial<Extract<Heartbeat, { service: Name }>> | null };

const common = { instance: 'stand-in', version: '0.0.0', startedAtMs: 0, pid: 1 };
const WHOLE: { [Name in keyof Required<Beats>]: Heartbeat } = {
  worker: { service: 'worker', ...common, activeTurns: 0 },
  supervisor: { service: 'supervisor', ...common, supervisorId: 'host-1', relayUrl: 'ws://127.0.0.1:1', runtime: 'docker', runningAgents: 2, maxAgents: 20, workspaceRoots: ['/home/ada', '/srv'] },
  gateway: { service: 'gateway', ...common, signIn: { method: 'api_key', source: 'OPENAI_API_KEY' } },
};

export const SIGNED_OUT: SignIn = { method: 'none', problem: 'No sign-in was found: run `codex login` on this machine, or set OPENAI_API_KEY.' };

/** The heartbeats of the other processes. Null is a process that does not run. */
export async function beat(redis: Redis, changes: Beats = {}): Promise<{ stop(): Promise<void> }> {
  const described = (['worker', 'supervisor', 'gateway'] as const).flatMap((name) => (changes[name] === null ? [] : [{ ...WHOLE[name], ...changes[name] } as Heartbeat]));
  const publishers = described.map((heartbeat) => new HeartbeatPublisher(redis, () => heartbeat));
  await Promise.all(publishers.map((publisher) => publisher.start()));
  return { stop: async () => void (await Promise.all(publishers.map((publisher) => publisher.stop()))) };
}

export type PlayedTurn = {
  readonly request: TurnRequest;
  readonly threadId: string;
  append(...events: TurnEvent[]): Promise<void>;
  /** Settles when somebody cancels the turn. */
  readonly cancelled: Promise<void>;
};
type SteerCommand = Extract<TurnCommand, { action: 'steer' }>;
type Play = (turn: PlayedTurn) => Promise<TerminalEvent>;

/** What a completed `chat` says. */
export const chatOutput = ({ turnId, agent }: TurnRequest, answer: string, threadId = 'thread_of_a_stand_in') => ({ answer, turn_id: turnId, agent_id: agent.agentId, thread_id: threadId, duration_ms: 1, commands: [] });

export const echo: Play = async ({ request, threadId }) => ({ type: 'completed', output: chatOutput(request, `echo: ${JSON.stringify(request.arguments['message'])}`, threadId) });

/** Takes turns from the real queue and writes real logs; `play` says what happens in them. */
export class StandInWorker {
  play: Play = echo;
  /** What becomes of a message to a running turn; undefined: its worker does not react. */
  onSteer: (command: SteerCommand) => TurnEvent | undefined = ({ steerId, text }) => ({ type: 'steered', steerId, text });
  readonly seen: TurnRequest[] = [];
  private readonly turns: TurnStore;
  private readonly redis: Redis;
  private readonly subscriber: Redis;
  private readonly queue: Queue<TurnJob>;
  private readonly worker: Worker;
  private readonly cancels = new Map<string, () => void>();
  private readonly appends = new Map<string, PlayedTurn['append']>();

  constructor(redisUrl: string) {
    this.redis = createRedis(redisUrl);
    this.subscriber = createSubscriber(this.redis);
    this.turns = new TurnStore(this.redis);
    this.queue = new Queue(TURNS_QUEUE, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.worker = new Worker(TURNS_QUEUE, (job) => this.run(TurnJob.parse(job.data)), { connection: this.redis, prefix: QUEUE_PREFIX, concurrency: 10, drainDelay: 1 });
    this.worker.on('error', () => undefined);
    this.queue.on('error', () => undefined);
  }

  async start(): Promise<this> {
    await new TurnControl(this.subscriber).listen((command) => this.obey(command), () => undefined);
    await this.worker.waitUntilReady();
    return this;
  }

  /** Nobody gets turns until it is resumed; those that have begun go on. */
  async pause(): Promise<void> {
    await this.queue.pause();
  }

  async resume(): Promise<void> {
    await this.queue.resume();
  }

  /** As it was at first; false while an accepted turn has not ended, which would be the next test's first. */
  async reset(): Promise<boolean> {
    this.play = echo;
    const busy = await this.turns.busyAgents();
    this.seen.length = 0;
    return busy.length === 0;
  }

  async stop(): Promise<void> {
    await this.worker.close(true);
    await this.queue.close();
    this.subscriber.disconnect();
    this.redis.disconnect();
  }

  private obey(command: TurnCommand): void {
    if (command.action === 'cancel') return this.cancels.get(command.turnId)?.();
    if (command.action !== 'steer') return;
    const event = this.onSteer(command);
    if (event) void this.appends.get(command.turnId)?.(event);
  }

  private async run({ turnId, agentKey: key }: TurnJob): Promise<void> {
    const cancelled = new Promise<void>((resolve) => this.cancels.set(turnId, resolve));
    const claim = await this.turns.claim(turnId, key, { holder: 'stand-in', token: 'token' });
    if (claim.outcome !== 'claimed') return;
    const turn = await this.turns.load(turnId);
    if (!turn) throw new Error(`no record of ${turnId}`);
    this.seen.push(turn.request);
    const { threadId = 'none' } = turn;
    let { seq } = claim;
    const append = async (...events: TurnEvent[]) => {
      const first = seq + 1;
      seq += events.length;
      await this.turns.append(turnId, claim.attempts, first, events);
    };
    this.appends.set(turnId, append);
    const end = await this.play({ request: turn.request, threadId, append, cancelled });
    const { next } = await this.turns.finish(turn.request, claim.attempts, seq + 1, end, [], turn.threadId !== undefined);
    if (next !== undefined) await new TurnDispatcher(this.queue, this.turns).releaseHead(key);
  }
}

/** The record of an agent as its supervisor writes it. */
export const agentRecord = (tenant: string, agentId: string, more: object = {}) => ({
  key: agentKey(tenant, agentId),
  tenant,
  agentId,
  supervisorId: 'host-1',
  runtime: 'docker' as const,
  runtimeId: `container-of-${agentId}`,
  status: 'running' as const,
  workspace: { kind: 'volume' as const },
  cwd: '/workspace',
  createdAt: Date.UTC(2026, 0, 1),
  ...more,
});
