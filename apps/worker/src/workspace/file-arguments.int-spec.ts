import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { parseArguments, TURN_TOOLS, type TurnTool } from '@codex-mcp/tools';
import { AgentWorkspace } from './agent-workspace.js';
import { settleFiles } from './file-arguments.js';
import { localCommands } from './local-commands.fixture.js';

jest.setTimeout(60_000); // on a busy machine

let scratch: TemporaryDirectory;
let session: Parameters<typeof settleFiles>[2];

beforeAll(async () => {
  scratch = await temporaryDirectory();
  const [cwd, stateDir] = [join(scratch.path, 'workspace'), join(scratch.path, 'state')];
  for (const path of [join(cwd, 'src', 'deep'), stateDir]) await mkdir(path, { recursive: true });
  for (const path of ['src/a.ts', 'src/deep/b c.ts', 'odd[1].md', 'README.md']) await writeFile(join(cwd, path), path);
  await symlink(scratch.path, join(cwd, 'up'));
  await symlink('nowhere', join(cwd, 'dangling'));
  const placement = { cwd, stateDir, workspace: { kind: 'host', path: '/home/ada/project' } };
  session = { workspace: new AgentWorkspace(localCommands, { cwd, stateDir, workspace: { kind: 'volume' } }), placement, sandboxPolicy: () => undefined } as unknown as typeof session;
});
afterAll(() => scratch.remove());

const settle = (tool: TurnTool, args: Record<string, unknown>, mayHaveBegun = false, turnId = 'turn_1') => settleFiles(tool, parseArguments(tool, args), session, turnId, mayHaveBegun);
const problem = (work: Promise<unknown>): Promise<string> => work.then(() => 'nothing', (error: Error) => error.message);

it('lets through what is there, however it is written, and targets that are new', async () => {
  const context_files = ['README.md', './src/', 'src/**/*.ts', 'src/deep/b c.ts', 'odd[1].md', 'src/a.ts:12', 'src/a.ts:3-9', 'src/a.ts#L4', '/home/ada/project/src/a.ts', '.', 'src/../README.md'];
  const args = { task: 't', target_files: ['new/dir/file.ts', 'src/*.ts', '.', 'src/a.ts'], context_files };
  expect(await settle(TURN_TOOLS.implement, args)).toEqual(args);
});

it('names everything that is not there, and everything outside, in one error', async () => {
  const args = { task: 't', target_files: ['../x', 'up/x', 'fine.ts'], context_files: ['none.ts', 'src/**/*.py', 'README.md', 'dangling', '/etc/passwd', 'up', 'odd[2].md'] };
  expect(await problem(settle(TURN_TOOLS.implement, args))).toBe(
    'implement: context_files: these are not in the workspace: "/etc/passwd", "up"; target_files: these are not in the workspace: "../x", "up/x"; context_files: nothing in the workspace matches "none.ts", "src/**/*.py", "dangling", "odd[2].md".',
  );
  for (const [tool, given] of [[TURN_TOOLS.chat, { message: 'm', reference_files: 'gone' }], [TURN_TOOLS.audit, { code: 'c', file_paths: ['gone'] }], [TURN_TOOLS.fix, { context_files: ['gone'] }]] as const) {
    expect(await problem(settle(tool, given))).toContain('"gone"');
  }
  expect(await problem(settle(TURN_TOOLS.implement, args, true))).toBe('nothing');
});

it('puts files that a call brings along beside the workspace, and names them to Codex', async () => {
  const content = 'x'.repeat(100_000);
  const settled = await settle(TURN_TOOLS.chat, { message: 'm', reference_files: ['README.md', { path: 'logs/ci run.txt', content }] });
  const { stateDir, cwd } = session.placement;
  expect(settled['reference_files']).toEqual(['README.md', `${stateDir}/inputs/turn_1/logs/ci run.txt (outside of the workspace; the caller calls it logs/ci run.txt)`]);
  expect(await readFile(join(stateDir, 'inputs', 'turn_1', 'logs', 'ci run.txt'), 'utf8')).toBe(content);
  expect(await readdir(cwd)).not.toContain('logs');
  expect(TURN_TOOLS.chat.prompt(settled as never).length).toBeLessThan(1000);
  expect(await problem(settle(TURN_TOOLS.chat, { message: 'm', reference_files: [{ path: 'a', content: '1' }, { path: 'a', content: '2' }] }))).toContain('twice');
  for (let turn = 0; turn < 21; turn++) await settle(TURN_TOOLS.chat, { message: 'm', reference_files: [{ path: 'a', content: '1' }] }, false, `turn_later_${turn}`);
  expect(await readdir(join(stateDir, 'inputs'))).toHaveLength(20);
});

it('puts a text that is too long for a prompt beside the workspace as well, but for what is to be done', async () => {
  const log = `noise\n${'😀'.repeat(60_000)}the end😀`;
  const file = join(session.placement.stateDir, 'inputs', 'turn_long', 'arguments', 'error_output.txt');
  const settled = await settle(TURN_TOOLS.fix, { error_output: log, symptoms: 'it fails', context_files: { path: 'a', content: '1' } }, false, 'turn_long');
  expect(await readFile(file, 'utf8')).toBe(log);
  expect(settled['error_output']).toMatch(new RegExp(`^All ${log.length} characters of this are in the file ${file}, .*It begins:\n\nnoise\n(?:😀)+$`, 'u'));
  expect(settled).toMatchObject({ symptoms: ['it fails'], context_files: [expect.stringContaining('/inputs/turn_long/a ')] });
  expect(TURN_TOOLS.fix.prompt(settled as never).length).toBeLessThan(6000);
  const message = 'x'.repeat(200_000);
  expect(await settle(TURN_TOOLS.chat, { message, context: 'short' })).toEqual({ message, context: 'short' });
});

it('takes one such file, and JSON text of a list', () => {
  const file = { path: 'a.txt', content: 'A' };
  expect(parseArguments(TURN_TOOLS.chat, { message: 'm', reference_files: file }).reference_files).toEqual([file]);
  expect(parseArguments(TURN_TOOLS.chat, { message: 'm', reference_files: JSON.stringify(['b', file]) }).reference_files).toEqual(['b', file]);
});
