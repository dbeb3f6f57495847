import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { agentProcesses } from '../stack/agent-processes.js';
import { errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

/** A git that says that it was called and waits for as long as `hold` is there. */
const gitHeldBy = (directory: string, path: string) => `#!/bin/sh
if [ -e '${directory}/hold' ]; then
  : > '${directory}/held'
  while [ -e '${directory}/hold' ]; do sleep 0.05; done
fi
PATH='${path}' exec git "$@"
`;

describe('a workspace tool that loses its agent in the middle', () => {
  let stack: Stack;
  let client: Client;
  let directory: TemporaryDirectory;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    const path = String(process.env['PATH']);
    await writeFile(at('git'), gitHeldBy(directory.path, path));
    await chmod(at('git'), 0o755);
    stack = await startStack({ runtime: 'process', env: { PATH: `${directory.path}:${path}` } });
    client = await stack.httpClient('loser');
    await runInAgent(client, 'echo one > a.txt');
  });
  afterAll(async () => {
    await rm(at('hold'), { force: true });
    await stack.stop();
    await directory.remove();
  });

  const at = (name: string) => join(directory.path, name);

  /** What becomes of a call whose agent is killed while its git runs. */
  async function lost<Result>(begin: () => Promise<Result>): Promise<Result> {
    await rm(at('held'), { force: true });
    await writeFile(at('hold'), '');
    const result = begin();
    await eventually(() => stat(at('held')).then(() => true, () => false), { timeoutMs: 30_000 });
    for (const { pid, line } of await agentProcesses(stack.dataDir)) if (line.includes('app-server')) process.kill(pid, 'SIGKILL');
    await rm(at('hold'));
    return result;
  }

  const patient = { timeout: 120_000, onprogress: () => undefined };

  it('is done again where it takes nothing away', async () => {
    expect(await lost(() => outputOf(client, 'get_diff', {}, patient))).toMatchObject({ files: [{ path: 'a.txt', status: 'added' }] });
  }, 150_000);

  it('is not where it does, and says what to look at', async () => {
    expect(await lost(() => errorOf(client, 'discard', {}, patient))).toMatchObject({ code: 'turn_interrupted', message: expect.stringContaining('Look at the workspace') });
  }, 150_000);
});
