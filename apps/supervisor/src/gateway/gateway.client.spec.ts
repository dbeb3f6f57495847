import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { agentKey, runPaths } from '@codex-mcp/contracts';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { patiently } from '../patience.js';
import { GatewayClient } from './gateway.client.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

it('a gateway that is being restarted is waited for', async () => {
  const registered = patiently(() => new GatewayClient(directory.path).register({ agent, transport: 'tcp' }));
  const path = runPaths.gatewayControl(directory.path);
  mkdirSync(dirname(path), { recursive: true });
  const gateway = createServer((_, response) => response.end(JSON.stringify({ baseUrl: 'http://127.0.0.1:1/v1' }))).listen(path);
  await once(gateway, 'listening');
  expect(await registered).toEqual({ baseUrl: 'http://127.0.0.1:1/v1' });
  gateway.close();
});

it('a gateway that refuses is not asked again', async () => {
  let asked = 0;
  const path = runPaths.gatewayControl(directory.path);
  mkdirSync(dirname(path), { recursive: true });
  const gateway = createServer((_, response) => (asked++, response.writeHead(400).end('no'))).listen(path);
  await once(gateway, 'listening');
  await expect(patiently(() => new GatewayClient(directory.path).register({ agent, transport: 'tcp' }))).rejects.toMatchObject({ code: 'service_unavailable', message: expect.stringContaining('400 no') });
  expect(asked).toBe(1);
  gateway.close();
});
