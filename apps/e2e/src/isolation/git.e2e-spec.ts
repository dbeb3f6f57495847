import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBareRepository, describeWithDocker, type GitServer, startGitServer, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

const PASSWORD = 'canary-of-the-git-host';

describeWithDocker('git in an agent', () => {
  let directory: TemporaryDirectory;
  let server: GitServer;
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    await createBareRepository(join(directory.path, 'project.git'), 'hello from the host\n');
    server = await startGitServer(directory.path, { authorization: `Basic ${Buffer.from(`ada:${PASSWORD}`).toString('base64')}` });
    const credentials = join(directory.path, 'credentials');
    await writeFile(credentials, `http://ada:${PASSWORD}@${server.host}\n`, { mode: 0o600 });
    stack = await startStack({ env: { GIT_HOSTS: server.host, GIT_CREDENTIALS_FILE: credentials } });
    client = await stack.httpClient('cloner');
  });
  afterAll(async () => {
    await stack.stop();
    await server.close();
    await directory.remove();
  });

  const inside = (command: string) => runInAgent(client, command);

  it('reaches a listed host by its own URL, without network and without a credential', async () => {
    expect(await inside(`git clone --quiet https://${server.host}/project.git /workspace/project && cat /workspace/project/README.md`)).toContain('hello from the host');
    // In two parts, as the agent's records have the command as well.
    const search = "grep -rl 'canary-of''-the-git-host' /codex-home /workspace /run/gateway /proc/self/environ; echo searched";
    expect(await inside(search)).toBe('searched');
    await inside("printf 'canary-of%s' -the-git-host > /workspace/planted");
    expect(await inside(search)).toBe('/workspace/planted\nsearched');
    expect(stack.output).not.toContain(PASSWORD);
  });

  it('reaches no other, pushes nothing, and is told why', async () => {
    expect(await inside('git ls-remote https://github.com/openai/codex')).toContain('may not reach "github.com"');
    expect(await inside('cd /workspace/project && git commit --quiet --allow-empty -m more && git push')).toContain('GIT_PUSH is not set');
  });
});
