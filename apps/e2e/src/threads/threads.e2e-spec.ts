import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { commandsIn, containerOf, execIn } from '../stack/agent-containers.js';
import { chat, directive, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { holderOf } from '../stack/turns.js';
import { historySent } from './model-history.js';

const LOST = 'The earlier conversation of this thread is not there any more; it begins anew';

describeWithDocker('the threads of an agent', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true });
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  const sent = (last: string) => historySent(stack.fake, last);
  const idOf = async (tool: 'new_thread' | 'fork' | 'get_my_session_info', args = {}) => String((await outputOf(client, tool, args))['thread_id']);
  const turnOf = async (message: string, args = {}) => String((await outputOf(client, 'chat', { write: true, message, ...args }))['turn_id']);
  const statusesOf = async (turnId: string) =>
    ((await outputOf(client, 'get_turn', { turn_id: turnId }))['events'] as { type: string; text: string }[]).filter(({ type }) => type === 'status').map(({ text }) => text);

  describe('over one connection', () => {
    beforeAll(async () => {
      client = await stack.httpClient('talker');
    });

    it('know nothing of each other, and each goes on where it was', async () => {
      await chat(client, 'the ship is Arethusa');
      const first = await idOf('get_my_session_info');
      const second = await idOf('new_thread', { title: 'Second' });
      await chat(client, 'the cat is Mimosa');
      expect(sent('the cat is Mimosa')).toEqual(['the cat is Mimosa']);
      const answer = await outputOf(client, 'chat', { write: true, message: 'what ship?', thread_id: first });
      expect(answer).toMatchObject({ thread_id: first });
      expect(sent('what ship?')).toEqual(['the ship is Arethusa', 'fake: the ship is Arethusa', 'what ship?']);
      await chat(client, 'what cat?', { thread_id: second });
      expect(sent('what cat?')).toEqual(['the cat is Mimosa', 'fake: the cat is Mimosa', 'what cat?']);
      expect(await outputOf(client, 'list_threads')).toMatchObject({
        threads: [
          { thread_id: second, title: 'Second', turns: 2, current: true },
          { thread_id: first, title: 'the ship is Arethusa', turns: 2, current: false },
        ],
      });
    });

    it('count the tokens of a turn alone, also of one that is a fork’s first', async () => {
      await idOf('new_thread');
      for (const message of ['one', 'two']) await chat(client, message);
      await idOf('fork');
      expect(await outputOf(client, 'chat', { write: true, message: 'three' })).toMatchObject({ usage: { input_tokens: 100, output_tokens: 10 } });
    });
  });

  describe('that are forked', () => {
    beforeAll(async () => {
      client = await stack.sseClient('forker');
    });

    it('have the history up to the turn, exactly, and go their own way', async () => {
      const turns = [await turnOf('one'), await turnOf('two'), await turnOf('three')];
      const parent = await idOf('get_my_session_info');
      const early = await idOf('fork', { turn_id: turns[0] });
      const late = await idOf('fork', { thread_id: parent });
      await chat(client, 'in late');
      expect(sent('in late')).toEqual(['one', 'fake: one', 'two', 'fake: two', 'three', 'fake: three', 'in late']);
      await chat(client, 'in early', { thread_id: early });
      expect(sent('in early')).toEqual(['one', 'fake: one', 'in early']);
      await chat(client, 'in parent', { thread_id: parent });
      expect(sent('in parent')).toEqual(['one', 'fake: one', 'two', 'fake: two', 'three', 'fake: three', 'in parent']);
      await chat(client, 'late again', { thread_id: late });
      expect(sent('late again').slice(-3)).toEqual(['in late', 'fake: in late', 'late again']);
    });

    it('are what the parent was then, though it went on before the fork was opened', async () => {
      const parent = await idOf('new_thread');
      await chat(client, 'before');
      const fork = await idOf('fork');
      const grandchild = await idOf('fork');
      await chat(client, 'after', { thread_id: parent });
      await chat(client, 'child', { thread_id: fork });
      expect(sent('child')).toEqual(['before', 'fake: before', 'child']);
      await chat(client, 'grandchild', { thread_id: grandchild });
      expect(sent('grandchild')).toEqual(['before', 'fake: before', 'grandchild']);
    });

    it('have what mended the answer of the turn', async () => {
      await idOf('new_thread');
      const { turn_id: turn } = await outputOf(client, 'review', { content: directive({ text: 'no JSON' }) });
      await chat(client, 'later');
      await idOf('fork', { turn_id: turn });
      await chat(client, 'in fork');
      const history = sent('in fork');
      expect(history.slice(1, 3)).toEqual(['no JSON', expect.stringContaining('only as JSON that fits the schema')]);
      expect(history).toHaveLength(5);
    });

    it('have a turn that failed too, where they branch off after it', async () => {
      await idOf('new_thread');
      await chat(client, 'fine');
      await expect(chat(client, directive({ status: 400, error: { message: 'bad' } }))).rejects.toThrow('bad');
      await idOf('fork');
      await chat(client, 'after the failure');
      expect(sent('after the failure')).toEqual(['fine', 'fake: fine', expect.stringContaining('"bad"'), 'after the failure']);
    });
  });

  describe('after a crash', () => {
    const held = directive({ shell: 'until [ -e /workspace/go ]; do sleep 0.05; done; rm /workspace/go' }, { text: 'held to the end' });
    const agent = () => containerOf(stack.deployment, 'survivor');
    let first: string;

    beforeAll(async () => {
      client = await stack.httpClient('survivor');
      await chat(client, 'said first');
      first = await idOf('get_my_session_info');
    });

    it('of the worker in the middle of a turn are the same', async () => {
      const second = await idOf('new_thread');
      const answer = outputOf(client, 'chat', { write: true, message: held }, { timeout: 120_000, onprogress: () => undefined });
      await eventually(async () => expect(await agent().then(commandsIn)).toContainEqual(expect.stringContaining('/workspace/go')), { timeoutMs: 30_000 });
      const fork = await idOf('fork', { thread_id: first }); // the current one now; the turn under way keeps its own
      const pid = await holderOf(stack.redis(), 'survivor');
      process.kill(pid, 'SIGKILL');
      await eventually(async () => (await holderOf(stack.redis(), 'survivor')) !== pid, { timeoutMs: 60_000 });
      await execIn(await agent(), 'touch', '/workspace/go');
      expect(await answer).toMatchObject({ answer: 'held to the end', thread_id: second });
      await chat(client, 'in fork');
      expect(sent('in fork')).toEqual(['said first', 'fake: said first', 'in fork']);
      expect(await idOf('get_my_session_info')).toBe(fork);
      await chat(client, 'in second', { thread_id: second });
      expect(sent('in second')).toEqual([expect.stringContaining('/workspace/go'), 'held to the end', 'in second']);
      expect(stack.fake.responsesRequests().filter(({ model }) => model.userText.includes('/workspace/go'))).toHaveLength(2);
    }, 180_000);

    it('of Redis, with all services restarted, are the same, also one that was not opened before', async () => {
      const fork = await idOf('fork', { thread_id: first });
      const fresh = await idOf('new_thread', { title: 'Fresh' });
      const threads = await outputOf(client, 'list_threads');
      await stack.redisFixture.kill('SIGKILL');
      await stack.redisFixture.restart();
      await stack.restart();
      client = await stack.httpClient('survivor');
      expect(await outputOf(client, 'list_threads')).toEqual(threads);
      await chat(client, 'forked before', { thread_id: fork });
      expect(sent('forked before')).toEqual(['said first', 'fake: said first', 'forked before']);
      const turn = await turnOf('empty before', { thread_id: fresh });
      expect(sent('empty before')).toEqual(['empty before']);
      expect(await statusesOf(turn)).not.toContain(LOST);
    }, 120_000);

    it('of the agent, whose container was removed, are the same', async () => {
      await (await agent()).remove({ force: true });
      await chat(client, 'and then?', { thread_id: first });
      expect(sent('and then?')).toEqual(['said first', 'fake: said first', 'and then?']);
      await idOf('fork');
      await (await agent()).remove({ force: true });
      await chat(client, 'forked after');
      expect(sent('forked after')).toEqual(['said first', 'fake: said first', 'and then?', 'fake: and then?', 'forked after']);
    }, 60_000);

    it('that took Codex’s files say so, once, and work', async () => {
      await execIn(await agent(), 'sh', '-c', 'rm -rf /codex-home/sessions /codex-home/*.sqlite*');
      await (await agent()).remove({ force: true });
      const turn = await turnOf('anyone?', { thread_id: first });
      expect(sent('anyone?')).toEqual(['anyone?']);
      expect(await statusesOf(turn)).toContain(LOST);
      const next = await turnOf('still here?');
      expect(sent('still here?')).toEqual(['anyone?', 'fake: anyone?', 'still here?']);
      expect(await statusesOf(next)).not.toContain(LOST);
    }, 60_000);

    it('that ended it for good are gone', async () => {
      expect(await outputOf(client, 'cleanup_inactive_agents', { agent_id: 'survivor', max_idle_seconds: 0, remove: true })).toMatchObject({ removed: ['survivor'] });
      expect(await outputOf(client, 'list_threads')).toMatchObject({ threads: [] });
      await chat(client, 'who am I?');
      expect(sent('who am I?')).toEqual(['who am I?']);
    }, 60_000);
  });
});
