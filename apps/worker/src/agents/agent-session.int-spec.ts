import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { AppServerClient } from '@codex-mcp/codex';
import type { AgentIdentity, Placement, TurnEvent } from '@codex-mcp/contracts';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { localCommands } from '../workspace/local-commands.fixture.js';
import { AgentSession } from './agent-session.js';
import type { AgentThreads } from './agent-threads.js';

jest.setTimeout(60_000); // on a busy machine

let directory: TemporaryDirectory;
let cwd: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  cwd = join(directory.path, 'workspace');
  await mkdir(cwd);
});
afterEach(() => directory.remove());

function session(workspace: Placement['workspace'] = { kind: 'volume' }): AgentSession {
  const placement = { cwd, stateDir: directory.path, workspace, sandbox: 'external' } as Placement;
  return new AgentSession(localCommands as AppServerClient, { agentId: 'a' } as AgentIdentity, placement, {} as AgentThreads, 1, new Map(), async () => ({ changed: [] }), async () => ({}));
}

it('what a turn changed stays what was measured at its end, also for a worker that takes it over while its tests run', async () => {
  const turn = { turnId: 'turn_1', threadId: 'thread_1', touched: true };
  const first = session();
  const before = await first.treeBefore(false);
  writeFileSync(join(cwd, 'made.txt'), 'by the turn\n');
  const measured = await first.changesSince(before, { ...turn, mayHaveBegun: false });
  expect(measured).toMatchObject({ files: [{ path: 'made.txt', status: 'added' }] });
  writeFileSync(join(cwd, 'coverage.json'), 'of its tests');
  const second = session();
  expect(await second.changesSince(await second.treeBefore(true), { ...turn, mayHaveBegun: true })).toEqual(measured);
});

it.each(['volume', 'isolated'])('what a turn changed that was to change nothing is undone in a workspace of the agent’s own (%s)', async (kind) => {
  writeFileSync(join(cwd, 'kept.txt'), 'kept\n');
  writeFileSync(join(cwd, 'gone.txt'), 'gone\n');
  const told: TurnEvent[] = [];
  const at = session({ kind, path: '/src' } as Placement['workspace']);
  const before = await at.treeBefore(false);
  writeFileSync(join(cwd, 'kept.txt'), 'changed\n');
  rmSync(join(cwd, 'gone.txt'));
  writeFileSync(join(cwd, 'made.txt'), 'made\n');
  expect(await at.undoSince(before, { touched: true }, (event) => told.push(event))).toBeUndefined();
  expect(readdirSync(cwd).map((name) => [name, readFileSync(join(cwd, name), 'utf8')])).toEqual([['gone.txt', 'gone\n'], ['kept.txt', 'kept\n']]);
  expect(told).toEqual([{ type: 'status', message: expect.stringMatching(/undone: gone.txt, kept.txt, made.txt$/) }]);
  expect(await at.treeBefore(false)).toBe(before);
});

it('is reported of a directory of the host, and stays there', async () => {
  const at = session({ kind: 'host', path: '/src' });
  const before = await at.treeBefore(false);
  writeFileSync(join(cwd, 'made.txt'), 'made\n');
  const told: TurnEvent[] = [];
  expect(await at.undoSince(before, { touched: true }, (event) => told.push(event))).toMatchObject({ files: [{ path: 'made.txt', status: 'added' }] });
  expect(readdirSync(cwd)).toEqual(['made.txt']);
  expect(told).toHaveLength(1);
});

it('is undone by whoever comes to the agent next, where the turn’s own worker has not, and is not taken for another turn’s', async () => {
  writeFileSync(join(cwd, 'kept.txt'), 'kept\n');
  const before = await session().treeToKeep(false);
  writeFileSync(join(cwd, 'made.txt'), 'made\n');
  const atWork = session();
  await atWork.workspace.take(); // as one that looked at it and got no further
  expect(await atWork.treeToKeep(true)).toBe(before);
  const told: TurnEvent[] = [];
  const next = session();
  await next.settleKept((event) => told.push(event));
  expect(readdirSync(cwd)).toEqual(['kept.txt']);
  expect(told).toEqual([{ type: 'status', message: 'An earlier turn was to change nothing; its changes were undone: made.txt' }]);
  writeFileSync(join(cwd, 'later.txt'), 'of nobody’s concern\n');
  for (const at of [next, session()]) await at.settleKept((event) => told.push(event));
  expect(readdirSync(cwd)).toEqual(['kept.txt', 'later.txt']);
  expect(told).toHaveLength(1);
});
