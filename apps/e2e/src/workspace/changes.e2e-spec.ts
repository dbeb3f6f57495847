import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithDocker, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Changes } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containerOf } from '../stack/agent-containers.js';
import { directive, errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { EDIT, EDITED_FILES, PREPARE } from './edits.fixture.js';
import { applyDiff, copyWorkspace, treeOf } from './file-tree.js';

const answer = { summary: 's', explanation: 'e', integration_notes: [] };

describeWithDocker('changes', () => {
  let stack: Stack;
  let client: Client;
  let scratch: TemporaryDirectory;

  beforeAll(async () => {
    [stack, scratch] = await Promise.all([startStack(), temporaryDirectory()]);
    client = await stack.httpClient('editor');
  });
  afterAll(async () => {
    await stack.stop();
    await scratch.remove();
  });

  async function implement(command: string, args: Record<string, unknown> = {}): Promise<Changes> {
    const output = await outputOf(client, 'implement', { task: directive({ shell: command }, { json: answer }), target_files: ['.'], ...args });
    return Changes.parse(output['changes']);
  }

  async function snapshot(name: string, agentId = 'editor'): Promise<string> {
    const directory = join(scratch.path, name);
    await copyWorkspace(await containerOf(stack.deployment, agentId), directory);
    return directory;
  }

  it('in the result are those on disk, byte for byte', async () => {
    await runInAgent(client, PREPARE);
    const before = await snapshot('before');
    const changes = await implement(EDIT);
    expect(changes.files.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual(EDITED_FILES);
    expect(changes.truncated).toBe(false);
    const after = await snapshot('after');
    await rm(join(after, 'ignored.log'));
    await applyDiff(before, changes.diff);
    expect(await treeOf(before)).toEqual(await treeOf(after));
    expect(changes.diff).not.toContain('ignored.log');
  });

  it('are those of the call alone, also when Codex commits', async () => {
    const before = await snapshot('before-commit');
    const changes = await implement("printf 'one more\\n' > more.txt; git add --all; git commit --quiet --message more");
    expect(changes.files).toEqual([{ path: 'more.txt', status: 'added', additions: 1, deletions: 0 }]);
    await applyDiff(before, changes.diff);
    expect(await treeOf(before)).toEqual(await treeOf(await snapshot('after-commit')));
  });

  it('are told by fix as well, and by chat only when there are any', async () => {
    const fixed = { summary: 's', root_cause: 'r', explanation: 'e', integration_notes: [], prevention: [] };
    const fix = await outputOf(client, 'fix', { symptoms: [directive({ shell: 'echo fixed > fixed.txt' }, { json: fixed })] });
    expect(fix['changes']).toMatchObject({ files: [{ path: 'fixed.txt', status: 'added' }] });
    const silent = await outputOf(client, 'chat', { write: true, message: directive({ shell: 'cat fixed.txt' }) });
    expect(silent).not.toHaveProperty('changes');
    const spoken = await outputOf(client, 'chat', { write: true, message: directive({ shell: 'rm fixed.txt' }) });
    expect(spoken['changes']).toMatchObject({ files: [{ path: 'fixed.txt', status: 'deleted' }] });
  });

  it('made by the patch tool are found like those of commands', async () => {
    const patch = '*** Begin Patch\n*** Add File: patched.txt\n+by patch\n*** End Patch\n';
    const output = await outputOf(client, 'implement', { task: directive({ patch }, { json: answer }), target_files: ['patched.txt'] });
    expect(output['changes']).toMatchObject({ files: [{ path: 'patched.txt', status: 'added', additions: 1 }] });
  });

  it('come with the tests that ran, Codex’s and the call’s own, and what it all cost', async () => {
    const agent_id = 'tester';
    const pytest = "printf '#!/bin/sh\necho x >> left.txt; echo \"1 failed, 2 passed in 0.01s\"; exit 1\n' > pytest; chmod +x pytest";
    const task = directive({ shell: pytest }, { shell: './pytest -q' }, { json: answer });
    const output = await outputOf(client, 'implement', { agent_id, task, target_files: ['pytest'], test_command: './pytest >&2; exit 3' });
    const counts = { runner: 'pytest', passed: 2, failed: 1, duration_ms: expect.any(Number) };
    expect(output['tests']).toEqual([
      { command: './pytest -q', run_by: 'codex', exit_code: 1, ...counts },
      { command: './pytest >&2; exit 3', run_by: 'server', exit_code: 3, ...counts, output: '1 failed, 2 passed in 0.01s\n' },
    ]);
    expect(output['commands']).toEqual([pytest, './pytest -q'].map((command, at) => ({ command, exit_code: at, duration_ms: expect.any(Number) })));
    // Three requests of the fake model, 100 tokens in and 10 out each, of the default model.
    expect(output['cost_usd']).toBe(0.0009);
    expect(Changes.parse(output['changes']).files.map(({ path, additions }) => [path, additions])).toEqual([['left.txt', 1], ['pytest', 2]]);
    expect(await errorOf(client, 'implement', { agent_id, task: 'x', target_files: ['.'], run_tests: true })).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('codex-mcp.json') });
    const settings = `echo '{"test": "./pytest; exit 4"}' > codex-mcp.json`;
    expect(await implement(settings, { agent_id })).toMatchObject({ files: [{ path: 'codex-mcp.json', status: 'added' }] });
    // What the turn makes of the command does not count any more.
    const own = await outputOf(client, 'implement', { agent_id, task: directive({ shell: settings.replace('4', '0') }, { json: answer }), target_files: ['.'], run_tests: true });
    expect(own['tests']).toMatchObject([{ command: './pytest; exit 4', run_by: 'server', exit_code: 4, passed: 2 }]);
  });

  it('too large for one answer are left out of the diff, and complete in the list', async () => {
    const before = await snapshot('before-large');
    const changes = await implement("seq 1 300000 > big.txt; echo small > z.txt; printf 'caf\\351\\n' > latin.txt");
    expect(changes).toMatchObject({ truncated: true, note: expect.stringContaining('big.txt') });
    expect(changes.files).toEqual([
      { path: 'big.txt', status: 'added', additions: 300_000, deletions: 0, in_diff: false },
      { path: 'latin.txt', status: 'added', binary: true },
      { path: 'z.txt', status: 'added', additions: 1, deletions: 0 },
    ]);
    const after = await snapshot('after-large');
    await rm(join(after, 'big.txt'));
    await applyDiff(before, changes.diff);
    expect(await treeOf(before)).toEqual(await treeOf(after));
  });

  it('are found beside what git cannot read', async () => {
    const agent_id = 'messy';
    const mess = 'git init --quiet unborn; echo x > unborn/file; mkdir locked; echo x > locked/file; chmod 000 locked/file; mkfifo pipe';
    expect(await implement(`${mess}; echo y > fine.txt`, { agent_id })).toMatchObject({ files: [{ path: 'fine.txt', status: 'added' }] });
    expect(await implement('find .git -delete; rm fine.txt; echo z > other.txt', { agent_id })).toMatchObject({
      files: [{ path: 'fine.txt', status: 'deleted' }, { path: 'other.txt', status: 'added' }],
    });
  });

  it('of an agent are not seen by another', async () => {
    const changes = await implement('ls -A > listing.txt; cat listing.txt', { agent_id: 'stranger' });
    expect(changes.files).toEqual([{ path: 'listing.txt', status: 'added', additions: 2, deletions: 0 }]);
    const own = await treeOf(await snapshot('stranger', 'stranger'));
    expect(own).toEqual({ 'listing.txt': `644 ${Buffer.from('.git\nlisting.txt\n').toString('base64')}` });
  });

  it('are compared by a tree that shows a single byte or a mode', async () => {
    const [left, right] = [join(scratch.path, 'left'), join(scratch.path, 'right')];
    for (const directory of [left, right]) await mkdir(directory);
    await writeFile(join(left, 'a'), 'same');
    await writeFile(join(right, 'a'), 'same', { mode: 0o755 });
    expect(await treeOf(left)).not.toEqual(await treeOf(right));
  });
});
