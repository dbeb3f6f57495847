import { type TerminalEvent, type TurnCommand, type TurnEvent, TurnJob, TURNS_QUEUE } from '@codex-mcp/contracts';
import { createRedis, createSubscriber, QUEUE_PREFIX, TurnControl, TurnStore } from '@codex-mcp/messaging';
import type { JsonObject } from '@codex-mcp/tools';
import { Worker } from 'bullmq';
import { z } from 'zod';
import { ASKING } from './asking.fixtures.js';
import type { Fixture, FixtureTurn, Questions } from './fixture-turn.js';
import { PLAIN, TASKS } from './plain.fixtures.js';

const CONCURRENCY = 20;
const FIXTURES: Readonly<Record<string, Fixture>> = { ...PLAIN, ...TASKS, ...ASKING };

const Json = z.record(z.string(), z.json());
const Call = z.object({ args: Json, answers: Json, state: Json.optional(), capabilities: Json, isTask: z.boolean() });
const Answer = z.object({ key: z.string(), answer: z.json() });

/** A turn that this process runs. */
class RunningTurn {
  private readonly waiting = new Map<string, (answer: z.infer<typeof Answer>['answer']) => void>();
  private cancel: () => void = () => undefined;
  private writing: Promise<unknown> = Promise.resolve();
  readonly cancelled = new Promise<void>((resolve) => (this.cancel = resolve));
  isCancelled = false;

  constructor(
    private readonly turns: TurnStore,
    private readonly turnId: string,
    private readonly attempt: number,
    private seq: number,
  ) {}

  append(event: TurnEvent): Promise<unknown> {
    const seq = ++this.seq;
    return (this.writing = this.writing.then(() => this.turns.append(this.turnId, this.attempt, seq, [event])));
  }

  obey(command: TurnCommand): void {
    if (command.action === 'cancel') {
      this.isCancelled = true;
      this.cancel();
    }
    if (command.action !== 'steer') return;
    const { key, answer } = Answer.parse(JSON.parse(command.text));
    void this.append({ type: 'steered', steerId: command.steerId, text: command.text }).then(() => this.waiting.get(key)?.(answer));
  }

  async ask(questions: Questions): Promise<JsonObject> {
    const answers = Object.keys(questions).map((key) => new Promise<[string, JsonObject[string]]>((resolve) => this.waiting.set(key, (answer) => resolve([key, answer]))));
    await this.append({ type: 'status', message: JSON.stringify({ questions }) });
    return Object.fromEntries(await Promise.race([Promise.all(answers), this.cancelled.then(() => [])]));
  }

  /** Number of the event that ends the turn. */
  get nextSeq(): number {
    return this.seq + 1;
  }
}

/** Takes the conformance suite's turns from the product's own queue, as a worker does, and plays them without Codex. */
async function work(redisUrl: string): Promise<void> {
  const redis = createRedis(redisUrl);
  const turns = new TurnStore(redis);
  const running = new Map<string, RunningTurn>();
  await new TurnControl(createSubscriber(redis)).listen((command) => running.get(command.turnId)?.obey(command), () => undefined);

  const play = async ({ turnId, agentKey }: TurnJob): Promise<void> => {
    const claim = await turns.claim(turnId, agentKey, { holder: 'fixtures', token: 'fixtures' });
    if (claim.outcome !== 'claimed') return;
    const turn = new RunningTurn(turns, turnId, claim.attempts, claim.seq);
    running.set(turnId, turn);
    const { isTask, ...call } = Call.parse(claim.request.arguments);
    const fixture: FixtureTurn = {
      ...call,
      state: call.state,
      cancelled: turn.cancelled,
      say: async (saying) => void (await turn.append({ type: 'status', message: JSON.stringify(saying) })),
      ask: (questions) => (isTask ? turn.ask(questions) : Promise.resolve({ action: 'decline' })),
    };
    const end = await endOf(claim.request.tool, fixture, turn);
    running.delete(turnId);
    await turns.finish(claim.request, claim.attempts, turn.nextSeq, end, [], false);
  };
  const worker = new Worker(TURNS_QUEUE, (job) => play(TurnJob.parse(job.data)), { connection: redis, prefix: QUEUE_PREFIX, concurrency: CONCURRENCY, drainDelay: 1 });
  worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
  worker.on('failed', (_, error) => process.stderr.write(`${error.stack}\n`));
  await worker.waitUntilReady();
  process.stdout.write('ready\n');
}

async function endOf(tool: string, call: FixtureTurn, turn: RunningTurn): Promise<TerminalEvent> {
  const output = await FIXTURES[tool]?.(call);
  if (turn.isCancelled) return { type: 'cancelled', error: { code: 'turn_cancelled', message: 'Cancelled by its caller.', retryable: false } };
  if (!output) return { type: 'failed', error: { code: 'unknown_tool', message: `There is no fixture ${tool}.`, retryable: false } };
  return { type: 'completed', output: Json.parse(output) };
}

await work(z.object({ REDIS_URL: z.string() }).parse(process.env).REDIS_URL);
