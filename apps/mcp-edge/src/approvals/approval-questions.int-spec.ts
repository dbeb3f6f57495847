import type { ApprovalAnswer } from '@codex-mcp/contracts';
import { ApprovalStore } from '@codex-mcp/messaging';
import { eventually, startRedis } from '@codex-mcp/testing';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, type ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { askIn } from '../testing/asking-turn.fixture.js';
import { echo, type PlayedTurn, type StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

type Asked = { message: string; requestedSchema: object };
type Person = (asked: Asked, signal: AbortSignal) => ElicitResult | Promise<ElicitResult>;
type Caller = { callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<Record<string, unknown>>; close(): Promise<void> };

let system: TestSystem;
let worker: StandInWorker;
let store: ApprovalStore;
const callers: Caller[] = [];

beforeAll(async () => {
  system = await startTestSystem(await startRedis());
  ({ worker } = system);
  store = new ApprovalStore(system.redis);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));
afterEach(async () => void (await Promise.all(callers.splice(0).map((caller) => caller.close()))));

/** What a worker does when the answer is there. */
async function answerIn(turn: PlayedTurn, approvalId: string): Promise<ApprovalAnswer> {
  const answer = await eventually(async () => (await store.load(approvalId))?.answer ?? null, { timeoutMs: 20_000 });
  await turn.append({ type: 'approval_answered', approvalId, answer });
  return answer;
}

const INFO = { name: 'asked', version: '1.0.0' };
const CAPABILITIES = { capabilities: { elicitation: {} } };

const CONNECT: Record<string, (url: string, person: Person) => Promise<Caller>> = {
  'with sessions over http': (url, person) => connectSession(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)), person),
  'with sessions over sse': (url, person) => connectSession(new SSEClientTransport(new URL(`${url}/sse`)), person),
  'of revision 2026-07-28': async (url, person) => {
    const client = new ModernClient(INFO, { ...CAPABILITIES, versionNegotiation: { mode: { pin: '2026-07-28' } } });
    client.setRequestHandler('elicitation/create', ({ params }, { mcpReq }) => person(params as Asked, mcpReq.signal));
    await client.connect(new ModernTransport(new URL(`${url}/mcp`)));
    return client;
  },
};

async function connectSession(transport: StreamableHTTPClientTransport | SSEClientTransport, person: Person): Promise<Caller> {
  const client = new Client(INFO, CAPABILITIES);
  client.setRequestHandler(ElicitRequestSchema, ({ params }, { signal }) => person(params as Asked, signal));
  await client.connect(transport);
  return client;
}

describe.each(Object.entries(CONNECT))('the person at a client %s', (_, connectAs) => {
  const connect = async (person: Person) => {
    const caller = await connectAs(system.edge.url, person);
    callers.push(caller);
    return caller;
  };
  const chat = (caller: Caller) => caller.callTool({ name: 'chat', arguments: { message: 'x' } });

  /** Turns that ask these questions one after the other. */
  function turnsThatAsk(...questions: string[]): ApprovalAnswer[] {
    const answers: ApprovalAnswer[] = [];
    worker.play = async (turn) => {
      for (const question of questions) answers.push(await answerIn(turn, await askIn(store, turn, question, { kind: 'command', command: question })));
      return echo(turn);
    };
    return answers;
  }

  it('is asked what the turn asks, one after the other, and the call goes on to its result', async () => {
    const answers = turnsThatAsk('npm install', 'npm test');
    const asked: Asked[] = [];
    const caller = await connect((one) => {
      asked.push(one);
      return { action: 'accept', content: { decision: asked.length === 1 ? 'accept' : 'decline', message: 'so be it' } };
    });
    expect(await chat(caller)).toMatchObject({ structuredContent: { answer: 'echo: "x"' } });
    expect(asked).toEqual([
      expect.objectContaining({ message: expect.stringContaining('npm install'), requestedSchema: expect.objectContaining({ required: ['decision'] }) }),
      expect.objectContaining({ message: expect.stringContaining('npm test') }),
    ]);
    expect(answers).toMatchObject([{ decision: 'accept', via: 'elicitation', by: 'asked', message: 'so be it' }, { decision: 'decline' }]);
    expect(worker.seen).toHaveLength(1);
  });

  it('declines by declining', async () => {
    const answers = turnsThatAsk('npm install');
    expect(await chat(await connect(() => ({ action: 'decline' })))).toMatchObject({ structuredContent: { answer: 'echo: "x"' } });
    expect(answers).toMatchObject([{ decision: 'decline', via: 'elicitation' }]);
  });

  it('may put the question away: somebody else answers, and the call is given a handle', async () => {
    const answers = turnsThatAsk('npm install');
    const handle = await chat(await connect(() => ({ action: 'cancel' })));
    expect(handle).toMatchObject({ structuredContent: { status: 'running', pending_approvals: [{ command: 'npm install' }] } });
    const [record] = await store.open();
    if (!record) throw new Error('nothing is open');
    await store.answer(record.approval, { decision: 'accept', via: 'rest', atMs: 1 });
    await eventually(() => expect(answers).toMatchObject([{ via: 'rest' }]));
  });
});

describe.each(Object.entries(CONNECT).filter(([name]) => name.startsWith('with sessions')))('a question to a client %s', (_, connectAs) => {
  it('is withdrawn when somebody else answers', async () => {
    let seen: (signal: AbortSignal) => void = () => undefined;
    const question = new Promise<AbortSignal>((resolve) => (seen = resolve));
    const caller = await connectAs(system.edge.url, ({ message }, signal) => {
      // The 1.x client passes over the withdrawal of request 0.
      if (message.includes('first')) return { action: 'decline' };
      seen(signal);
      return new Promise(() => undefined); // nobody is there
    });
    callers.push(caller);
    worker.play = async (turn) => {
      await answerIn(turn, await askIn(store, turn, 'q1', { kind: 'command', command: 'first' }));
      const approvalId = await askIn(store, turn, 'q2');
      const withdrawal = await question;
      const record = await store.load(approvalId);
      if (record) await store.answer(record.approval, { decision: 'accept', via: 'rest', atMs: 1 });
      await answerIn(turn, approvalId);
      await eventually(() => withdrawal.aborted); // the call waits on, without a handle
      return echo(turn);
    };
    expect(await caller.callTool({ name: 'chat', arguments: { message: 'x' } })).toMatchObject({ structuredContent: { answer: 'echo: "x"' } });
  });
});
