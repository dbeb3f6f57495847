import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { Changes } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { directive, errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

describeWithDocker('states of a workspace', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack();
    client = await stack.httpClient('keeper');
  });
  afterAll(() => stack.stop());

  const call = (tool: string, args: Record<string, unknown> = {}) => outputOf(client, tool, args);
  const run = async (command: string): Promise<string> => String((await call('chat', { write: true, message: directive({ shell: command }) }))['turn_id']);
  const diff = async (args: Record<string, unknown> = {}) => Changes.parse(await call('get_diff', args));
  const paths = (changes: Changes) => changes.files.map(({ path, status }) => `${status} ${path}`).toSorted();

  it('are compared since the beginning, for one turn, and for some paths', async () => {
    await run('true');
    const first = await run('mkdir src; echo one > src/a.txt; printf "\\0\\1" > logo.bin');
    const second = await run('echo two >> src/a.txt; chmod +x src/a.txt');
    expect(paths(await diff())).toEqual(['added logo.bin', 'added src/a.txt']);
    expect((await diff({ turn_id: first })).diff).toContain('+one');
    const of = await diff({ turn_id: second });
    expect(paths(of)).toEqual(['modified src/a.txt']);
    expect(of.diff).toContain('new mode 100755');
    expect(paths(await diff({ paths: ['src'] }))).toEqual(['added src/a.txt']);
    expect(paths(await diff({ paths: ['**/*.bin'] }))).toEqual(['added logo.bin']);
    expect(await diff({ turn_id: await run('true') })).toMatchObject({ diff: '', files: [] });
  });

  it('are kept and brought back, without what the ignore rules name', async () => {
    await run("echo '*.log' > .gitignore; echo keep > kept.txt; echo noise > build.log");
    expect(await call('checkpoint', { name: 'good' })).toMatchObject({ name: 'good', checkpoints: [{ name: 'good' }] });
    await run('rm kept.txt; echo bad > bad.txt; echo more >> build.log; mkdir deep; echo x > deep/x.txt');
    expect(paths(await diff({ since: 'good' }))).toEqual(['added bad.txt', 'added deep/x.txt', 'deleted kept.txt']);
    expect(paths(Changes.parse(await call('restore', { name: 'good', paths: ['kept.txt'] })))).toEqual(['added kept.txt']);
    expect(paths(Changes.parse(await call('restore', { name: 'good' })))).toEqual(['deleted bad.txt', 'deleted deep/x.txt']);
    expect((await diff({ since: 'good' })).files).toEqual([]);
    const seen = await runInAgent(client, 'ls; cat kept.txt build.log');
    expect(seen).toContain('noise');
    expect(paths(Changes.parse(await call('restore', { name: 'before-restore' })))).toEqual(['added bad.txt', 'added deep/x.txt']);
  });

  it('are discarded back to before a turn or to the beginning, and a slip can be undone', async () => {
    const turn = await run('echo wrong > wrong.txt');
    await run('echo later > later.txt');
    expect(paths(Changes.parse(await call('discard', { turn_id: turn, paths: ['wrong.txt'] })))).toEqual(['deleted wrong.txt']);
    await call('discard');
    // The rule that kept it out is gone too; the file itself was never ours to take.
    expect(paths(await diff())).toEqual(['added build.log']);
    expect(paths(Changes.parse(await call('restore', { name: 'before-discard' })))).toContain('added later.txt');
  });

  it('that do not exist are told apart from those that did not change', async () => {
    expect(await errorOf(client, 'get_diff', { turn_id: 'turn_0' })).toMatchObject({ code: 'unknown_turn' });
    expect(await errorOf(client, 'restore', { name: 'nothing' })).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('good') });
    expect(await errorOf(client, 'restore', { name: 'nothing', agent_id: 'fresh' })).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('none is kept') });
    expect(await errorOf(client, 'get_diff', { since: 'nothing', agent_id: 'fresh' })).toMatchObject({ code: 'invalid_arguments' });
    expect(await errorOf(client, 'get_diff', { paths: ['../etc'] })).toMatchObject({ code: 'invalid_arguments' });
    expect(await errorOf(client, 'get_diff', { since: 'good', turn_id: 'turn_0' })).toMatchObject({ code: 'invalid_arguments' });
  });
});
