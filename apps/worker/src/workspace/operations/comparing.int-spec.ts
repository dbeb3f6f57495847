import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from '../agent-workspace.js';
import { localCommands } from '../local-commands.fixture.js';
import { getDiff } from './comparing.js';
import type { LookContext } from './operation.js';

jest.setTimeout(60_000); // on a busy machine

let scratch: TemporaryDirectory;
beforeAll(async () => {
  scratch = await temporaryDirectory();
  await mkdir(join(scratch.path, 'workspace'));
});
afterAll(() => scratch.remove());

it('of a turn that is at work, tells what it has changed so far, and once that is measured, that, whatever its tests leave behind', async () => {
  const write = (name: string) => writeFile(join(scratch.path, 'workspace', name), 'new\n');
  const place = { cwd: join(scratch.path, 'workspace'), stateDir: scratch.path, workspace: { kind: 'volume' as const } };
  const workspace = new AgentWorkspace(localCommands, place);
  const request = { turnId: 'turn_1', tool: 'implement', agent: { key: 'local:a' }, arguments: {}, access: 'write' };
  const session = { workspace: new AgentWorkspace(localCommands, place, { isBeside: true }), sandboxPolicy: () => undefined };
  const context = { request, session, turns: { load: async () => ({ request, status: 'running' }) } } as unknown as LookContext;
  const looked = async () => {
    const { compared, files } = await getDiff(context, { turn_id: 'turn_1' });
    return [compared, ...files.map(({ path }) => path)];
  };

  const from = await workspace.take();
  await write('of-the-turn.txt');
  expect(await looked()).toEqual(['Turn turn_1 so far', 'of-the-turn.txt']);
  await workspace.recordTurn({ turnId: 'turn_1' }, { from, to: await workspace.take() });
  await write('of-its-tests.txt');
  expect(await looked()).toEqual(['Turn turn_1', 'of-the-turn.txt']);
});
