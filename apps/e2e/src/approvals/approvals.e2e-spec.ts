import { ApprovalStore, readHeartbeats } from '@codex-mcp/messaging';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import type { ApprovalView } from '@codex-mcp/tools';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { containerOf, execIn } from '../stack/agent-containers.js';
import { chat, directive, outputOf } from '../stack/calls.js';
import { getTurn, pollToEnd, startChat } from '../handles/handle-calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { holderOf, turnOf } from '../stack/turns.js';

const AGENT = 'careful';
const patch = '*** Begin Patch\n*** Add File: patched.txt\n+by a patch\n*** End Patch';

describeWithDocker('approvals in manual mode', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true, env: { CODEX_APPROVAL_MODE: 'manual' } });
    client = await stack.httpClient(AGENT);
  });
  afterAll(() => stack.stop());

  const rest = (path: string, init?: RequestInit) => fetch(`${stack.url}/approvals${path}`, init);
  const answer = (id: string, decision: string) => rest(`/${id}`, { method: 'POST', body: JSON.stringify({ decision }) });
  const fileOf = async (name: string) => (await execIn(await containerOf(stack.deployment, AGENT), 'sh', '-c', `cat /workspace/${name} 2>/dev/null || true`)).trim();

  /** Waits for what a turn asks. */
  async function askedBy(turnId: string): Promise<ApprovalView> {
    return eventually(async () => ((await outputOf(client, 'list_approvals', { turn_id: turnId }))['approvals'] as ApprovalView[])[0] ?? null, { timeoutMs: 20_000 });
  }

  it('show the command to everybody who can answer, and let it run once one accepts', async () => {
    const turnId = await startChat(client, AGENT, directive({ shell: 'echo asked > accepted.txt' }, { patch }, { text: 'Done.' }));
    const command = await askedBy(turnId);
    expect(command).toMatchObject({ turn_id: turnId, agent_id: AGENT, tool: 'chat', kind: 'command', command: 'echo asked > accepted.txt', cwd: '/workspace' });
    expect(await (await rest('')).json()).toEqual({ approvals: [command] });
    expect(await getTurn(client, turnId)).toMatchObject({ status: 'running', pending_approvals: [command] });
    expect(await fileOf('accepted.txt')).toBe('');
    expect(await outputOf(client, 'answer_approval', { approval_id: command.approval_id, decision: 'accept', message: 'harmless' })).toMatchObject({ answered: true, decision: 'accept' });
    const change = await eventually(async () => {
      const next = await askedBy(turnId);
      return next.kind === 'file_change' && next;
    });
    expect(change.files).toEqual([{ path: '/workspace/patched.txt', kind: 'add', diff: 'by a patch\n' }]);
    expect((await answer(change.approval_id, 'accept')).status).toBe(200);
    const { last, events } = await pollToEnd(client, turnId);
    expect(last).toMatchObject({ status: 'completed', result: { answer: 'Done.' } });
    expect([await fileOf('accepted.txt'), await fileOf('patched.txt')]).toEqual(['asked', 'by a patch']);
    expect(events.filter(({ type }) => type === 'approval_answered').map(({ text }) => text)).toEqual([`accept (mcp, ${AGENT}): harmless`, 'accept (rest, default)']);
  });

  it('are put to the person at the client that called', async () => {
    const person = new Client({ name: AGENT, version: '1.0.0' }, { capabilities: { elicitation: {} } });
    const asked: string[] = [];
    person.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      asked.push(params.message);
      return { action: 'accept', content: { decision: 'accept_for_session' } };
    });
    await person.connect(new StreamableHTTPClientTransport(new URL(`${stack.url}/mcp`)));
    const again = { shell: 'echo again >> elicited.txt' };
    expect(await chat(person, directive(again, again, { text: 'Twice.' }))).toBe('Twice.');
    await person.close();
    expect(asked).toEqual([expect.stringContaining('echo again >> elicited.txt')]);
    expect(await fileOf('elicited.txt')).toBe('again\r\nagain');
  });

  it('keep a command from running that is declined, also where the call asked for no approvals', async () => {
    const message = directive({ shell: 'echo no > declined.txt' }, { text: 'Not done.' });
    const turnId = String((await outputOf(client, 'start', { tool: 'chat', arguments: { write: true, message, approval_mode: 'auto' }, agent_id: AGENT }))['turn_id']);
    const { approval_id: id } = await askedBy(turnId);
    expect((await answer(id, 'decline')).status).toBe(200);
    const late = await answer(id, 'accept');
    expect([late.status, await late.json()]).toEqual([409, expect.objectContaining({ code: 'already_answered', turn_id: turnId, detail: expect.stringContaining('decline') })]);
    expect((await pollToEnd(client, turnId)).last).toMatchObject({ status: 'completed', result: { answer: 'Not done.' } });
    expect(await fileOf('declined.txt')).toBe('');
  });

  it('end a turn in order where nobody answers in time', async () => {
    const turnId = await startChat(client, AGENT, directive({ shell: 'echo no > unanswered.txt' }, { text: 'Went on without.' }));
    const { approval_id: id } = await askedBy(turnId);
    await stack.redis().hset(`codex-mcp:approval:${id}`, 'deadlineMs', String(Date.now() - 1)); // time passes
    const { last, events } = await pollToEnd(client, turnId);
    expect(last).toMatchObject({ status: 'completed', result: { answer: 'Went on without.' } });
    expect(events).toContainEqual(expect.objectContaining({ type: 'approval_answered', approval_id: id, text: 'decline (deadline)' }));
    expect(await fileOf('unanswered.txt')).toBe('');
  });

  it('outlive the worker: the answer that comes after its death counts, and the command runs once', async () => {
    const turnId = await startChat(client, AGENT, directive({ shell: 'echo once >> survived.txt' }, { text: 'Survived.' }));
    const { approval_id: id } = await askedBy(turnId);
    process.kill(await holderOf(stack.redis(), AGENT), 'SIGKILL');
    expect((await answer(id, 'accept')).status).toBe(200);
    expect((await pollToEnd(client, turnId)).last).toMatchObject({ status: 'completed', result: { answer: 'Survived.' } });
    expect((await turnOf(stack.redis(), turnId)).attempts).toBe(2);
    expect(await fileOf('survived.txt')).toBe('once');
    expect(await new ApprovalStore(stack.redis()).open()).toEqual([]);
  });

  it('outlive edge and supervisor: the next ones show and answer them', async () => {
    const turnId = await startChat(client, AGENT, directive({ shell: 'echo still > outlived.txt' }, { text: 'Outlived.' }));
    const before = await askedBy(turnId);
    const pids = (await readHeartbeats(stack.redis())).flatMap(({ service, pid }) => (service === 'mcp-edge' || service === 'supervisor' ? [pid] : []));
    expect(pids).toHaveLength(2);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    const after = await eventually(async () => ((await (await rest(`?turn_id=${turnId}`)).json()) as { approvals: ApprovalView[] }).approvals, { timeoutMs: 30_000 });
    expect(after).toEqual([before]);
    expect((await answer(before.approval_id, 'accept')).status).toBe(200);
    client = await stack.httpClient(AGENT);
    expect((await pollToEnd(client, turnId)).last).toMatchObject({ status: 'completed', result: { answer: 'Outlived.' } });
    expect(await fileOf('outlived.txt')).toBe('still');
  });
});
