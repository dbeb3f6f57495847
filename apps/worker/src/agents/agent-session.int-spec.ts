import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { AppServerClient } from '@codex-mcp/codex';
import type { AgentIdentity, Placement } from '@codex-mcp/contracts';
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

function session(): AgentSession {
  const placement = { cwd, stateDir: directory.path, workspace: { kind: 'volume' }, sandbox: 'external' } as Placement;
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
