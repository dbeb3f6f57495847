import { afterAll, beforeEach, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from '../agent-workspace.js';
import { localCommands, run } from '../local-commands.fixture.js';
import { commit } from './committing.js';
import type { OperationContext } from './operation.js';

jest.setTimeout(60_000); // on a busy machine

let scratch: TemporaryDirectory | undefined;
let home: string;
let directory: string;

beforeEach(async () => {
  scratch ??= await temporaryDirectory();
  home = await mkdtemp(join(scratch.path, 'case-'));
  directory = join(home, 'workspace');
  await mkdir(directory);
});
afterAll(() => scratch?.remove());

const context = (turnId: string, cwd = directory): OperationContext => {
  const workspace = new AgentWorkspace(localCommands, { cwd, stateDir: home, workspace: { kind: 'volume' } });
  return { session: { workspace, placement: { sandbox: 'external' } }, request: { turnId } } as unknown as OperationContext;
};
const git = async (...args: string[]) => (await run('git', args, { cwd: directory })).stdout.toString().trim();
const problem = (work: Promise<unknown>): Promise<string> => work.then(() => 'nothing', (error: Error) => error.message);

it('makes one commit for a turn, however often the turn is taken up', async () => {
  await git('init', '--quiet', '--initial-branch', 'topic/x');
  await writeFile(join(directory, 'a.txt'), 'a\n');
  const first = await commit(context('turn_1'), { message: 'First' });
  expect(first).toEqual({ commit: await git('rev-parse', 'HEAD'), branch: 'topic/x', files: [{ path: 'a.txt', status: 'added', additions: 1, deletions: 0 }] });
  await writeFile(join(directory, 'later.txt'), 'b\n');
  expect(await commit(context('turn_1'), { message: 'First' })).toEqual(first);
  expect(await commit(context('turn_2'), { message: 'Second' })).toMatchObject({ files: [{ path: 'later.txt' }] });
  expect(await git('log', '--format=%an <%ae> %s')).toBe('Codex agent <agent@codex-mcp.invalid> Second\nCodex agent <agent@codex-mcp.invalid> First');
});

it('runs no hook, monitor, editor or signature that the repository names', async () => {
  await git('init', '--quiet');
  const planted = `touch ${join(home, 'ran')}; exit 1`;
  for (const hook of ['pre-commit', 'prepare-commit-msg', 'commit-msg', 'post-commit', 'reference-transaction']) await writeFile(join(directory, '.git', 'hooks', hook), `#!/bin/sh\n${planted}\n`, { mode: 0o755 });
  for (const [key, value] of [['core.fsmonitor', planted], ['commit.gpgSign', 'true'], ['gpg.program', join(directory, '.git', 'hooks', 'pre-commit')], ['core.editor', planted], ['diff.external', planted]] as const) await git('config', key, value);
  await writeFile(join(directory, 'a.txt'), 'a\n');
  await commit(context('turn_1'), { message: 'Quiet' });
  expect(await readdir(home)).not.toContain('ran');
  expect(await git('-c', 'core.fsmonitor=false', 'log', '--format=%s')).toBe('Quiet');
});

it('says what is in the way', async () => {
  expect(await problem(commit(context('turn_1'), { message: 'x' }))).toContain('the workspace is no git repository');
  await git('init', '--quiet');
  expect(await problem(commit(context('turn_2'), { message: 'x' }))).toContain('there is nothing to commit');
  await mkdir(join(directory, 'below'));
  expect(await problem(commit(context('turn_3', join(directory, 'below')), { message: 'x' }))).toContain('the workspace is no git repository');
  await writeFile(join(directory, 'a.txt'), 'a\n');
  await writeFile(join(directory, '.git', 'index.lock'), '');
  expect(await problem(commit(context('turn_4'), { message: 'x' }))).toContain('index.lock');
});
