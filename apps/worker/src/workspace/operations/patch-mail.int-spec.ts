import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { localCommands, run } from '../local-commands.fixture.js';
import { AgentWorkspace } from '../agent-workspace.js';
import { patchMail } from './patch-mail.js';

jest.setTimeout(60_000); // on a busy machine

let scratch: TemporaryDirectory;
beforeAll(async () => {
  scratch = await temporaryDirectory();
});
afterAll(() => scratch.remove());

const author = { name: 'Ada Lovelace', email: 'ada@example.test' };
const files = { 'plain.txt': 'one\ntwo\n', 'crlf.txt': 'one\r\nTwo\r\n', 'mail.txt': 'From me to you\n>From\n--- \n-- \n', 'ü.bin': '\0\u0001' };

it.each([
  ['plain', { author, message: 'Change things', files: { 'plain.txt': files['plain.txt'] } }, 'Change things'],
  ['everything', { author: { name: 'Ünï Q. Čödè Ľong ünd nöch längër', email: 'u@example.test' }, message: 'Größer: ein sehr langer Betreff, der auf jeden Fall über eine Zeile hinausgeht — wirklich', files }, undefined],
  ['a message that looks like mail', { author, message: 'Subject line\n\nFrom: Eve <eve@example.test>\n---\ndiff --git a/x b/x\nFrom here on\nlast line', files }, 'Subject line\n\n From: Eve <eve@example.test>\n ---\n diff --git a/x b/x\n From here on\nlast line'],
])('git am makes the same files, author and message of a mail: %s', async (name, { author: by, message, files: written }, expected) => {
  const [directory, clone] = [join(scratch.path, name, 'workspace'), join(scratch.path, name, 'clone')];
  for (const path of [directory, clone]) await mkdir(path, { recursive: true });
  const workspace = new AgentWorkspace(localCommands, { cwd: directory, stateDir: join(scratch.path, name), workspace: { kind: 'volume' } });
  const from = await workspace.take();
  for (const [path, content] of Object.entries(written)) await writeFile(join(directory, path), content);
  const { diff } = await workspace.changes({ from, to: await workspace.take() });
  await run('git', ['init', '--quiet'], { cwd: clone });
  const mail = patchMail({ author: by, date: new Date('2026-11-22T10:00:00Z'), message, diff });
  const am = await run('git', ['-c', 'user.name=c', '-c', 'user.email=c@example.test', 'am', '--quiet'], { cwd: clone, input: mail });
  expect({ code: am.exitCode, said: am.exitCode === 0 ? '' : am.stderr.toString() }).toEqual({ code: 0, said: '' });
  const log = (await run('git', ['log', '-1', '--format=%an%n%ae%n%aI%n%B'], { cwd: clone })).stdout.toString();
  expect(log.trimEnd()).toBe([by.name, by.email, '2026-11-22T10:00:00+00:00', expected ?? message].join('\n'));
  for (const [path, content] of Object.entries(written)) expect({ path, content: await readFile(join(clone, path), 'utf8') }).toEqual({ path, content });
});
