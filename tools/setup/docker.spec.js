// @ts-check
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { engineAnswers } from './docker.js';

test('an engine is found by its answer to a ping, on a socket and over the network', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'codex-mcp-docker-'));
  t.after(() => rmSync(folder, { recursive: true }));
  let status = 200;
  for (const address of [{ path: join(folder, 'engine.sock') }, { host: '127.0.0.1', port: 0 }]) {
    const server = createServer((request, response) => response.writeHead(request.url === '/_ping' ? status : 404).end('OK'));
    await once(server.listen(address), 'listening');
    const bound = server.address();
    const env = { DOCKER_HOST: typeof bound === 'string' ? `unix://${bound}` : `tcp://127.0.0.1:${bound?.port}` };

    status = 200;
    assert.equal(await engineAnswers(env), true);
    status = 503;
    assert.equal(await engineAnswers(env), false);

    server.closeAllConnections();
    await once(server.close(), 'close');
    assert.equal(await engineAnswers(env), false);
  }
});
