import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cp, mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeWithDocker, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { z } from 'zod';
import { directive, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { makeRepository, ownAll } from '../workspace/host-repository.js';
import { type PackageRegistry, startPackageRegistry } from './package-registry.js';

const Environment = z.looseObject({ answer: z.string(), environment: z.looseObject({ problems: z.array(z.string()) }).optional() });

describeWithDocker('the network of an agent', () => {
  let directory: TemporaryDirectory;
  let roots: TemporaryDirectory;
  let registry: PackageRegistry;
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    [directory, roots] = [await temporaryDirectory(), await temporaryDirectory()];
    registry = await startPackageRegistry(directory.path, ['registry.test', 'wished.test']);
    const { port } = registry;
    stack = await startStack({ env: { WORKSPACE_ROOTS: roots.path, EGRESS_ALLOW: `registry.test:${port}=127.0.0.1`, EGRESS_ALLOW_ON_REQUEST: `wished.test:${port}=127.0.0.1` } });
    client = await stack.httpClient('egress');
  });
  afterAll(async () => {
    await stack.stop();
    await registry.close();
    await directory.remove();
    await roots.remove();
  });

  const curl = (url: string) => `curl -sS -m 20 --cacert certificate.pem ${url}`;
  const repository = (name: string, files: Record<string, string>) => makeRepository(join(roots.path, name), { 'certificate.pem': registry.certificate, ...files });

  it('is the hosts that the operator lists, and the agent’s model is told', async () => {
    const agent = { agent_id: 'curious', workspace: await repository('curious', {}) };
    expect(await runInAgent(client, curl(`https://registry.test:${registry.port}/hello`), agent)).toContain('"hello"');
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain(`you reach only registry.test:${registry.port}, through the proxy`);
    expect(await runInAgent(client, curl('https://evil.test/'), agent)).toMatch(/CONNECT tunnel failed, response 403/);
    expect(await runInAgent(client, curl(`http://registry.test:${registry.port}/hello`), agent)).toContain('use https');
    expect(await runInAgent(client, curl(`--noproxy '*' https://registry.test:${registry.port}/hello`), agent)).toMatch(/Could not resolve host/);
    expect(await runInAgent(client, 'git ls-remote https://github.com/a/b', agent)).toContain('GIT_HOSTS names no host');
    expect(registry.requests).toEqual(['registry.test /hello']);
  });

  it('is enough for npm, from a registry that is listed', async () => {
    const workspace = await repository('built', { '.gitignore': '/node\n/app\n' });
    await takeNpm(join(workspace, 'node'));
    await ownAll(workspace);
    const install = `export PATH=$PWD/node/bin:$PATH; mkdir app; cd app; npm install --registry https://registry.test:${registry.port}/ --cafile ../certificate.pem --no-audit --no-fund --loglevel error hello; node -p "require('hello')"`;
    expect(await runInAgent(client, install, { agent_id: 'builder', workspace, workspace_mode: 'direct' })).toMatch(/hello from the registry$/);
  });

  it('is more for those whose repository wishes for it, of what is granted on request; the rest is told', async () => {
    const wished = `wished.test:${registry.port}`;
    const look = curl(`https://${wished}/hello`);
    const turn = async (args: Record<string, unknown>) => Environment.parse(await outputOf(client, 'chat', { write: true, message: directive({ shell: look }), ...args }));
    const workspace = await repository('wishing', { 'codex-mcp.json': JSON.stringify({ egress: [wished, 'denied.test'] }) });
    const { answer, environment } = await turn({ agent_id: 'wishing', workspace });
    expect(answer).toContain('"hello"');
    expect(environment?.problems).toEqual([`egress of codex-mcp.json is not granted to denied.test: this server lets agents reach registry.test:${registry.port} (EGRESS_ALLOW), ${wished} on request (EGRESS_ALLOW_ON_REQUEST).`]);
    expect((await turn({ agent_id: 'other', workspace: await repository('other', {}) })).answer).toContain('response 403');
    await writeFile(join(workspace, 'codex-mcp.json'), '{}');
    await ownAll(workspace);
    expect((await turn({ agent_id: 'wishing' })).answer).toContain('response 403');
  });
});

/** The Node and npm that run the tests, as the image `node` has them. */
async function takeNpm(to: string): Promise<void> {
  const prefix = dirname(dirname(await realpath(process.execPath)));
  await mkdir(join(to, 'bin'), { recursive: true });
  await cp(join(prefix, 'bin/node'), join(to, 'bin/node'));
  await cp(join(prefix, 'lib/node_modules/npm'), join(to, 'lib/node_modules/npm'), { recursive: true });
  await writeFile(join(to, 'bin/npm'), '#!/bin/sh\nexec node "$(dirname "$0")/../lib/node_modules/npm/bin/npm-cli.js" "$@"\n', { mode: 0o755 });
}
