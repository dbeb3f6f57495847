import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createBareRepository, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from '../agent-workspace.js';
import { localCommands } from '../local-commands.fixture.js';
import { cloneInto } from './cloning.js';
import type { OperationContext } from './operation.js';

jest.setTimeout(60_000); // on a busy machine

const NEW = '.codex-mcp-open.abcdef';
const PROJECT = 'https://git.example.test/project';

let directory: TemporaryDirectory;
let cwd: string;
let workspace: AgentWorkspace;

/** A worker that takes the turn over, in the state that the one before it has left. */
const takeOver = () => cloneInto(contextOf('turn_1'), { url: PROJECT });
const contextOf = (turnId: string) => ({ request: { turnId }, session: { workspace, placement: { workspace: { kind: 'volume' }, sandbox: 'external' }, workspaceChanged: () => undefined } }) as unknown as OperationContext;
const stateFile = (name: string) => join(directory.path, readdirSync(directory.path).find((entry) => entry.startsWith('snapshots-')) ?? '', name);

beforeEach(async () => {
  directory = await temporaryDirectory();
  cwd = join(directory.path, 'workspace');
  mkdirSync(cwd);
  for (const name of ['old.txt', 'README.md']) writeFileSync(join(cwd, name), 'old\n');
  workspace = new AgentWorkspace(localCommands, { cwd, stateDir: directory.path, workspace: { kind: 'volume' } });
  await workspace.take();
  await createBareRepository(join(directory.path, 'project.git'), 'new\n');
  execFileSync('git', ['clone', '--quiet', join(directory.path, 'project.git'), join(cwd, NEW)]);
  writeFileSync(stateFile('opening'), `turn_1 ${NEW}\n`);
});
afterEach(() => directory.remove());

describe('a clone whose worker was killed', () => {
  async function finished(): Promise<void> {
    expect(await takeOver()).toMatchObject({ url: PROJECT, branch: 'main' });
    expect(readdirSync(cwd).toSorted()).toEqual(['.git', 'README.md']);
    expect(readFileSync(join(cwd, 'README.md'), 'utf8')).toBe('new\n');
    expect(await workspace.startingPoint()).toBe(await workspace.take());
    expect(readdirSync(stateFile('')).filter((name) => name.startsWith('opening'))).toEqual([]);
  }

  it('before it took its place, takes it', finished);

  it('while the old files were removed, removes the rest', async () => {
    rmSync(join(cwd, 'old.txt'));
    await finished();
  });

  it('while it took its place, keeps what is there of it already', async () => {
    for (const name of ['old.txt', 'README.md']) rmSync(join(cwd, name));
    writeFileSync(stateFile('opening.moving'), '');
    renameSync(join(cwd, NEW, 'README.md'), join(cwd, 'README.md'));
    await finished();
  });

  it('after it took its place, is done', async () => {
    for (const name of ['old.txt', 'README.md']) rmSync(join(cwd, name));
    writeFileSync(stateFile('opening.moving'), '');
    for (const name of ['README.md', '.git']) renameSync(join(cwd, NEW, name), join(cwd, name));
    rmSync(join(cwd, NEW), { recursive: true });
    await finished();
  });

  it('is nothing to another turn', async () => {
    await expect(cloneInto(contextOf('turn_2'), { url: PROJECT })).rejects.toMatchObject({ code: 'invalid_arguments' });
    expect(readFileSync(join(cwd, 'README.md'), 'utf8')).toBe('old\n');
  });
});
