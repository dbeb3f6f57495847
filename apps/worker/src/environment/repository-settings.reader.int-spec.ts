import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_REPOSITORY_SETTINGS } from '@codex-mcp/contracts';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from '../workspace/agent-workspace.js';
import { localCommands } from '../workspace/local-commands.fixture.js';
import { readRepositorySettings } from './repository-settings.reader.js';

let scratch: TemporaryDirectory;
let cwd: string;

beforeAll(async () => {
  scratch = await temporaryDirectory();
});
beforeEach(async () => {
  cwd = await mkdtemp(join(scratch.path, 'workspace-'));
});
afterAll(() => scratch.remove());

const file = () => join(cwd, 'codex-mcp.json');
const read = () => readRepositorySettings({ workspace: new AgentWorkspace(localCommands, { cwd, stateDir: scratch.path, workspace: { kind: 'volume' } }), sandboxPolicy: () => undefined });

it('reads the file in the root of the workspace', async () => {
  const text = '{\n  "image": "node",\n  "test": "printf ü"\n}\n';
  await writeFile(file(), text);
  expect(await read()).toEqual({ settings: { ...DEFAULT_REPOSITORY_SETTINGS, image: 'node', test: 'printf ü' }, text });
});

it('takes the defaults where there is none', async () => {
  expect(await read()).toEqual({ settings: DEFAULT_REPOSITORY_SETTINGS });
});

it('follows a link within the workspace, and no other', async () => {
  await mkdir(join(cwd, 'config'));
  await writeFile(join(cwd, 'config/agents.json'), '{"image": "node"}');
  await symlink('config/agents.json', file());
  expect(await read()).toMatchObject({ settings: { image: 'node' } });
  const secret = join(scratch.path, 'secret.json');
  await writeFile(secret, '{"image": "stolen"}');
  for (const target of [secret, '../secret.json', '/etc/passwd']) {
    execFileSync('ln', ['-sfn', target, file()]);
    expect(await read()).toEqual({ settings: DEFAULT_REPOSITORY_SETTINGS, problem: 'codex-mcp.json is not used: a link out of the workspace is in its place.' });
  }
});

it.each([
  ['broken JSON', () => writeFile(file(), '{"image": "node"'), 'it is not JSON'],
  ['a file that is too large', () => writeFile(file(), `{}${' '.repeat(65_536)}`), 'it is larger than 64 KiB'],
  ['a file of one huge line', () => writeFile(file(), 'x'.repeat(1_000_000)), 'it is larger than 64 KiB'],
  ['bytes that are no text', () => writeFile(file(), Buffer.from([0x22, 0xff, 0x22])), 'it is not UTF-8'],
  ['a directory', () => mkdir(file()), 'a directory is in its place'],
  ['a FIFO without a writer', async () => execFileSync('mkfifo', [file()]), 'no regular file is in its place'],
  ['a link to nowhere', () => symlink('nowhere', file()), 'a link that leads nowhere is in its place'],
  ['a link to itself', () => symlink('codex-mcp.json', file()), 'a link that leads nowhere is in its place'],
  ['a field that nobody knows', () => writeFile(file(), '{"mounts": ["/"]}'), '"mounts" is not among image, setup, setup_timeout_s, lock_files, test, test_timeout_s, egress'],
])('takes the defaults and says why in place of %s', async (_, make, why) => {
  await make();
  expect(await read()).toEqual({ settings: DEFAULT_REPOSITORY_SETTINGS, problem: `codex-mcp.json is not used: ${why}.` });
});
