import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeWithDocker, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { chat, directive, errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

const run = promisify(execFile);
const author = { author_name: 'Ada Lovelace', author_email: 'ada@example.test' };

const suite = (runtime: 'docker' | 'process') => () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ runtime });
    client = await stack.httpClient('author');
  });
  afterAll(() => stack.stop());

  it('are patches that git am takes, with author and message', async () => {
    const output = await outputOf(client, 'chat', { write: true, message: directive({ shell: "mkdir src; printf 'one\\r\\ntwo\\n' > src/a.txt; printf '\\000\\377' > b.bin" }) });
    const { patch } = await outputOf(client, 'export_patch', { message: 'Größere Dateien\n\nWith a body.', ...author, turn_id: output['turn_id'] });
    const clone = await temporaryDirectory();
    const git = (...args: string[]) => run('git', ['-C', clone.path, '-c', 'user.name=c', '-c', 'user.email=c@example.test', ...args]);
    await git('init', '--quiet');
    await writeFile(join(clone.path, '.git', 'x.mbox'), String(patch));
    await git('am', '--quiet', join(clone.path, '.git', 'x.mbox'));
    expect((await git('log', '-1', '--format=%an <%ae>%n%B')).stdout.trim()).toBe('Ada Lovelace <ada@example.test>\nGrößere Dateien\n\nWith a body.');
    expect(await readFile(join(clone.path, 'src', 'a.txt'), 'utf8')).toBe('one\r\ntwo\n');
    expect(await readFile(join(clone.path, 'b.bin'))).toEqual(Buffer.from([0, 255]));
    await clone.remove();
    expect(await outputOf(client, 'export_patch', { message: 'nothing', paths: ['none'] })).toMatchObject({ patch: '', files: [] });
  });

  if (runtime === 'process') {
    it('are refused where nothing holds what a repository’s configuration names', async () => {
      expect(await errorOf(client, 'commit', { message: 'x' })).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('only agents in containers commit') });
    });
    return;
  }

  it('are made in the workspace’s own repository, without its hooks', async () => {
    await chat(client, directive({ shell: "printf '#!/bin/sh\\ntouch /workspace/hook-ran; exit 1\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; cp .git/hooks/pre-commit .git/hooks/post-commit; echo left > left.txt" }));
    const made = await outputOf(client, 'commit', { message: 'Add two files\n\nThe third waits.', ...author, paths: ['src', '*.bin'] });
    expect(made).toMatchObject({ branch: 'main', files: [{ path: 'b.bin', status: 'added', binary: true }, { path: 'src/a.txt', status: 'added', additions: 2 }] });
    expect(await runInAgent(client, "git log -1 --format='%H %an <%ae> %s'; git status --porcelain; ls hook-ran 2>/dev/null")).toBe(`${String(made['commit'])} Ada Lovelace <ada@example.test> Add two files\n?? left.txt`);
    expect(await outputOf(client, 'commit', { message: '-m is no option' })).toMatchObject({ files: [{ path: 'left.txt', status: 'added' }] });
    expect(await runInAgent(client, "git log -1 --format='%an %s'; git status --porcelain")).toBe('Codex agent -m is no option');
    expect(await errorOf(client, 'commit', { message: 'again' })).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('there is nothing to commit') });
  });
};

describeWithDocker('changes of a workspace, committed, in a container', suite('docker'));
describe('changes of a workspace, committed, without one', suite('process'));
