// @ts-check
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { packageStdio } from './package.js';

test('the package of the stdio command installs where there is nothing else, and npx runs it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'codex-mcp-packed-'));
  t.after(() => rm(directory, { recursive: true }));
  const tarball = await packageStdio(join(directory, 'packed'));
  const empty = join(directory, 'empty');
  await mkdir(empty);
  await writeFile(join(empty, 'package.json'), '{"private":true}');
  const env = { ...process.env, npm_config_cache: join(directory, 'cache') };
  await promisify(execFile)('npm', ['install', '--offline', '--no-audit', '--no-fund', '--no-update-notifier', tarball], { cwd: empty, env });
  assert.deepEqual((await readdir(join(empty, 'node_modules'))).filter((name) => !name.startsWith('.')), ['codex-mcp']);
  const licence = await readFile(join(empty, 'node_modules/codex-mcp/LICENSE'), 'utf8');
  for (const held of ['@modelcontextprotocol/sdk', 'zod', 'eventsource-parser']) assert.ok(licence.includes(`\n${held}\n`), `the licence of ${held}`);

  const client = new Client({ name: 'stdio-only', version: '1.0.0' });
  t.after(() => client.close());
  await client.connect(new StdioClientTransport({ command: 'npx', args: ['--offline', 'codex-mcp', 'stdio', '--url', await serve(t)], cwd: empty, env }));
  assert.deepEqual(await client.callTool({ name: 'echo', arguments: { packed: true } }), { content: [{ type: 'text', text: '{"packed":true}' }] });
});

/** A server of one session. @param {import('node:test').TestContext} t @returns {Promise<string>} its URL */
async function serve(t) {
  const server = new Server({ name: 'echo', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({ content: [{ type: 'text', text: JSON.stringify(params.arguments) }] }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'the-session' });
  await server.connect(transport);
  const http = createServer((request, response) => void transport.handleRequest(request, response));
  t.after(() => (http.closeAllConnections(), http.close()));
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = http.address();
  return `http://127.0.0.1:${typeof address === 'object' && address?.port}/mcp`;
}
