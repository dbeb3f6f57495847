import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import { Changes } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containerOf, execIn } from '../stack/agent-containers.js';
import { call, directive, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { turnOf, unfinishedTurns } from '../stack/turns.js';

const AGENT = 'busy';
/** Codex gives a command half a minute before the model hears of it. */
const HALVES = [{ shell: 'echo first > half.txt; echo changed >> old.txt' }, { shell: 'until [ -e /tmp/go ]; do sleep 0.05; done; echo second > whole.txt', times: 4 }];
const ANSWER = { summary: 's', explanation: 'e', integration_notes: [] };

describeWithDocker('a workspace that is looked at while a turn of its agent is at work', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ workers: 2 });
    client = await stack.httpClient(AGENT);
    await runInAgent(client, 'echo old > old.txt');
  });
  afterAll(() => stack.stop());

  const diff = async (args: Record<string, unknown> = {}) => Changes.parse(await outputOf(client, 'get_diff', args));
  const paths = ({ files }: Changes) => files.map(({ path, status }) => `${status} ${path}`).toSorted();
  const inAgent = async (...command: string[]) => execIn(await containerOf(stack.deployment, AGENT), ...command);

  /** A turn whose command has done a half of its work and waits for `go`. */
  async function halfDone(): Promise<{ turnId: string; finish: () => Promise<unknown> }> {
    const { turn_id: turnId } = await outputOf(client, 'start', { tool: 'implement', arguments: { task: directive(...HALVES, { json: ANSWER }), target_files: ['.'] } });
    await eventually(async () => expect(await inAgent('cat', '/workspace/old.txt')).toContain('changed'), { timeoutMs: 60_000 });
    const finish = async () => {
      await inAgent('touch', '/tmp/go');
      return eventually(async () => {
        const record = await turnOf(stack.redis(), String(turnId));
        expect(record.terminal).toBeDefined();
        return record;
      }, { timeoutMs: 60_000 });
    };
    return { turnId: String(turnId), finish };
  }

  it('is told as it is at the moment; what writes waits, and the turn’s own change is measured in full', async () => {
    const { turnId, finish } = await halfDone();
    const waiting = call(client, 'checkpoint', { name: 'afterwards' });
    await eventually(async () => expect(await unfinishedTurns(stack.redis(), AGENT)).toHaveLength(2));

    expect(paths(await diff())).toEqual(['added half.txt', 'added old.txt']);
    expect(paths(await diff({ turn_id: turnId }))).toEqual(['added half.txt', 'modified old.txt']);
    expect(await outputOf(client, 'read_file', { path: 'half.txt' })).toMatchObject({ content: 'first\n' });
    expect(await outputOf(client, 'search', { query: 'chang.d' })).toMatchObject({ matches: [{ path: 'old.txt' }] });
    const { files } = await outputOf(client, 'list_files');
    expect(files).toEqual(expect.arrayContaining([expect.objectContaining({ path: 'half.txt' })]));
    expect((await unfinishedTurns(stack.redis(), AGENT)).map(({ status, request }) => [request.tool, status])).toEqual([['implement', 'running'], ['checkpoint', 'queued']]);

    expect(await finish()).toMatchObject({ status: 'completed', terminal: { event: { output: { changes: { files: [{ path: 'half.txt', status: 'added' }, { path: 'old.txt' }, { path: 'whole.txt', status: 'added' }] } } } } });
    expect((await waiting).isError).toBeFalsy();
    expect(paths(await diff({ since: 'afterwards' }))).toEqual([]);
    expect(paths(await diff({ turn_id: turnId }))).toEqual(['added half.txt', 'added whole.txt', 'modified old.txt']);
    await eventually(async () => expect(await stack.redis().zcard('codex-mcp-queue:turns:delayed')).toBe(0));
  }, 180_000);
});
