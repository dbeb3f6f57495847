import { readHeartbeats } from '@codex-mcp/messaging';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { containerOf, execIn } from '../stack/agent-containers.js';
import { call, chat, directive, errorOf, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { unfinishedTurns } from '../stack/turns.js';
import { openEvents } from './event-stream.js';
import { getTurn, pollToEnd, startChat, transcript } from './handle-calls.js';

/** Goes on until {@link letGo}. */
const held = { shell: 'echo begun; until [ -e go ]; do sleep 0.05; done; rm go; echo over' };

describeWithDocker('handles', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true, env: { HANDLE_AFTER: '2' } });
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  const letGo = async (agentId: string) => void (await execIn(await containerOf(stack.deployment, agentId), 'touch', '/workspace/go'));

  /** Waits until the agent's command runs; resolves with the turn's id. */
  async function atWork(agentId: string): Promise<string> {
    const reader = await stack.httpClient('reader');
    return eventually(async () => {
      const turnId = (await unfinishedTurns(stack.redis(), agentId))[0]?.request.turnId ?? '';
      const { events } = await getTurn(reader, turnId);
      return events.some(({ type, partial }) => type === 'command' && partial === true) && turnId;
    }, { timeoutMs: 20_000 });
  }

  const edgePid = async () => (await readHeartbeats(stack.redis())).find(({ service }) => service === 'mcp-edge')?.pid ?? 0;
  const requestsWith = (text: string) => stack.fake.responsesRequests().filter(({ body }) => JSON.stringify(body).includes(text));

  it('give a client that only polls the whole transcript and the result', async () => {
    const client = await stack.httpClient('poller');
    await client.listTools(); // from here on the client validates what it gets
    const turnId = await startChat(client, 'poller', directive({ text: 'Looking.', phase: 'commentary', shell: 'echo one; exit 3' }, { text: 'It says one.' }));
    const polled = await pollToEnd(client, turnId);
    expect(polled.last).toMatchObject({ status: 'completed', result: { answer: 'It says one.', turn_id: turnId } });
    expect(transcript(polled.events)).toBe(transcript((await getTurn(client, turnId)).events));
    expect(polled.events).toContainEqual(expect.objectContaining({ type: 'command', exit_code: 3, output: expect.stringContaining('one') }));
    expect(polled.events).toContainEqual(expect.objectContaining({ type: 'message', text: 'It says one.' }));
    expect(await outputOf(client, 'list_turns', { agent_id: 'poller' })).toMatchObject({ turns: [{ turn_id: turnId, status: 'completed' }] });
  });

  it('outlive the edge: what it had told and what came after its death are the whole, byte for byte', async () => {
    const client = await stack.sseClient('survivor');
    const lost = call(client, 'chat', { write: true, message: directive(held, { text: 'Still here.' }) }, { onprogress: () => undefined }).catch((error: unknown) => error);
    const turnId = await atWork('survivor');
    const before = await getTurn(await stack.httpClient('survivor'), turnId);
    const stream = await openEvents(stack.url, turnId);
    await eventually(() => stream.frames().length >= before.events.length);
    const pid = await edgePid();
    process.kill(pid, 'SIGKILL');
    await stream.ended;
    await letGo('survivor');
    await eventually(async () => expect([0, pid]).not.toContain(await edgePid()), { timeoutMs: 20_000 });
    const back = await eventually(() => stack.httpClient('survivor').catch(() => null), { timeoutMs: 20_000 });
    const after = await pollToEnd(back, turnId, before.next_cursor);
    expect(after.last).toMatchObject({ status: 'completed', result: { answer: 'Still here.' } });
    const whole = await getTurn(back, turnId);
    expect(transcript([...before.events, ...after.events])).toBe(transcript(whole.events));
    const resumed = await openEvents(stack.url, turnId, stream.frames().at(-1)?.id);
    const entire = await openEvents(stack.url, turnId);
    await Promise.all([resumed.ended, entire.ended]);
    expect([...stream.frames(), ...resumed.frames()]).toEqual(entire.frames());
    expect(entire.frames().at(-1)?.event).toBe('completed');
    expect((await openEvents(stack.url, turnId, entire.frames().at(-1)?.id)).status).toBe(204);
    expect(requestsWith('Still here.')).toHaveLength(2); // for the command, and for what it printed
    await client.close();
    expect(await lost).toBeInstanceOf(Error);
  });

  it('are what a client without progress gets, and its result later', async () => {
    const client = await stack.sseClient('silent');
    await client.listTools();
    const handle = await outputOf(client, 'chat', { write: true, message: directive(held, { text: 'Done at last.' }) });
    expect(handle).toMatchObject({ agent_id: 'silent', status: expect.stringMatching(/^(queued|running)$/), next: expect.stringContaining('get_turn') });
    const turnId = await atWork('silent');
    expect(handle['turn_id']).toBe(turnId);
    await letGo('silent');
    expect((await pollToEnd(client, turnId)).last).toMatchObject({ status: 'completed', result: { answer: 'Done at last.' } });
    expect(requestsWith('Done at last.')).toHaveLength(2);
  });

  it('let a message reach the model while its turn runs', async () => {
    const client = await stack.httpClient('steered');
    const turnId = await startChat(client, 'steered', directive(held, { text: 'unsteered' }));
    await atWork('steered');
    expect(await outputOf(client, 'steer', { message: 'Use metric units.', agent_id: 'steered' })).toEqual({ turn_id: turnId, steered: true });
    await letGo('steered');
    const { last, events } = await pollToEnd(client, turnId);
    expect(last).toMatchObject({ status: 'completed' });
    expect(requestsWith('Use metric units.')[0]?.model.userText).toBe('Use metric units.');
    expect(events).toContainEqual(expect.objectContaining({ type: 'steered', text: 'Use metric units.' }));
    expect(await errorOf(client, 'steer', { message: 'Too late.', turn_id: turnId })).toMatchObject({ code: 'turn_not_steerable' });
  });

  it('make a repeated call with an idempotency key the same turn, at one model call', async () => {
    const client = await stack.httpClient('repeater');
    const args = { idempotency_key: 'once-only' };
    const message = directive({ text: 'Only once.', firstDelayMs: 500 });
    const waiting = { onprogress: () => undefined }; // or a busy machine gives a handle
    const answers = await Promise.all([chat(client, message, args, waiting), chat(client, message, args, waiting)]);
    expect(answers).toEqual(['Only once.', 'Only once.']);
    const other = await stack.sseClient('repeater');
    const again = await call(other, 'chat', { write: true, message, ...args }, waiting);
    expect(again.structuredContent).toMatchObject({ answer: 'Only once.' });
    expect(requestsWith('Only once.')).toHaveLength(1);
    expect(await errorOf(client, 'chat', { write: true, message: 'something else', ...args })).toMatchObject({ code: 'idempotency_conflict' });
  });

  it('are jobs over REST: accepted at once, cancelled once', async () => {
    const accepted = await fetch(`${stack.url}/tools/chat?agent_id=rest`, { method: 'POST', headers: { prefer: 'respond-async' }, body: JSON.stringify({ message: directive(held) }) });
    expect(accepted.status).toBe(202);
    const job = `${stack.url}${accepted.headers.get('location')}`;
    const turnId = await atWork('rest');
    expect(job.endsWith(turnId)).toBe(true);
    const cancel = async () => (await fetch(job, { method: 'DELETE' })).status;
    expect(await cancel()).toBe(202);
    await eventually(async () => expect(await (await fetch(job)).json()).toMatchObject({ status: 'cancelled', error: { code: 'turn_cancelled' } }));
    expect(await cancel()).toBe(409);
  });
});
