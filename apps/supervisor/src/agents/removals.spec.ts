import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { agentKey } from '@codex-mcp/contracts';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Removals } from './removals.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

it('are known to whoever comes next, until they end', async () => {
  await new Removals(directory.path).begin(agent);
  const next = new Removals(directory.path);
  expect([await next.isPending(agent.key), await next.pending()]).toEqual([true, [agent]]);
  await next.end(agent.key);
  expect([await next.isPending(agent.key), await next.pending()]).toEqual([false, []]);
});

it('are none where the file says nothing that can be read', async () => {
  const removals = new Removals(directory.path);
  expect(await removals.pending()).toEqual([]);
  await removals.begin(agent);
  await writeFile(join(directory.path, 'removals', `${'b'.repeat(32)}.json`), '{"key":');
  await writeFile(join(directory.path, 'removals', `${'c'.repeat(32)}.json.new`), JSON.stringify(agent));
  expect(await removals.pending()).toEqual([agent]);
});
