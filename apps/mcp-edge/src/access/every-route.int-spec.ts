import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request as httpRequest, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { digestOf } from '@codex-mcp/contracts';
import { createRedis, createSubscriber } from '@codex-mcp/messaging';
import { AuditLog, createLogger, createMetrics } from '@codex-mcp/observability';
import { makeSigningKey, type RedisFixture, startRedis, temporaryDirectory, TokenIssuer } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { createApplication, prepareServer } from '../edge.application.js';
import { readEdgeConfig } from '../edge.config.js';
import { type RawAnswer, rawCall, startTestEdge } from '../testing/edge.fixture.js';

jest.setTimeout(20_000); // on a busy machine

type Layer = { readonly name: string; readonly slash: boolean; readonly route?: { readonly path: string; readonly methods: Record<string, boolean> }; readonly handle: { readonly name: string } };

let redisServer: RedisFixture;
let redis: Redis;
let subscriber: Redis;
let app: INestApplication;
let server: Server;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url, 'brisk');
  subscriber = createSubscriber(redis);
  const config = readEdgeConfig({ REDIS_URL: redisServer.url, PORT: '0' });
  const logger = createLogger('mcp-edge', 'silent');
  const audit = new AuditLog(config, { service: 'mcp-edge', instance: 'x' }, logger);
  app = await createApplication({ config, process: { instance: 'x', version: '1.2.3', startedAtMs: 0 }, logger, audit, metrics: createMetrics('mcp-edge'), redis, subscriber });
  server = await prepareServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.closeAllConnections();
  await app.close();
  [subscriber, redis].forEach((connection) => connection.disconnect());
  await redisServer.stop();
});

const port = (): number => (server.address() as AddressInfo).port;
const layers = (): Layer[] => (app.getHttpAdapter().getInstance() as { router: { stack: Layer[] } }).router.stack;
/** As the router has them, with something in place of parameters. */
const routes = (): [method: string, path: string][] =>
  layers().flatMap(({ route }) => {
    if (!route) return [];
    const methods = Object.keys(route.methods).filter((method) => route.methods[method] && method !== 'connect'); // Node hangs up on that one
    return methods.map((method): [string, string] => [method.toUpperCase(), route.path.replace(/:\w+/g, 'x')]);
  });

/** The head of the answer: streams do not end. */
const head = (method: string, path: string, headers: Record<string, string>, at = port()): Promise<Pick<RawAnswer, 'status' | 'headers'>> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: at, method, path, headers, agent: false }, ({ statusCode = 0, headers: answered }) => {
      resolve({ status: statusCode, headers: answered });
      request.destroy();
    });
    request.on('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`)));
    request.end();
  });

describe('every route of the router', () => {
  it('is behind the look at Host and Origin, which nothing goes around', () => {
    const names = layers().map(({ name, handle }) => handle.name || name);
    const gate = layers()[names.indexOf('refuseForeign')];
    expect(gate).toMatchObject({ slash: true }); // whatever the path
    expect(layers().findIndex(({ route }) => route !== undefined)).toBeGreaterThan(names.indexOf('refuseForeign'));
    expect(names.slice(0, names.indexOf('refuseForeign'))).toEqual(['closeWithConnection', 'correlate', 'protect']);
    expect(['request', 'upgrade', 'connect', 'checkContinue', 'checkExpectation'].map((event) => server.listenerCount(event))).toEqual([1, 0, 0, 0, 0]);
    expect(routes().map(([method, path]) => `${method} ${path}`)).toEqual(expect.arrayContaining(['POST /mcp', 'DELETE /mcp', 'GET /sse', 'POST /messages', 'POST /tools/x', 'GET /jobs/x/events', 'GET /metrics', 'GET /docs', 'GET /']));
  });

  it('refuses a foreign Host and a foreign Origin', async () => {
    for (const [method, path] of [...routes(), ['GET', '/ops/queues'], ['GET', '/nowhere'], ['OPTIONS', '/mcp'], ['TRACE', '/mcp']] as const) {
      const foreign: Record<string, string>[] = [{ host: 'evil.example' }, { host: 'localhost', origin: 'https://evil.example' }, { host: 'localhost', 'sec-fetch-site': 'cross-site' }, { host: 'localhost', 'sec-fetch-site': 'same-site' }];
      for (const headers of foreign) {
        const { status, headers: answered } = await head(method, path, headers);
        expect({ method, path, status }).toEqual({ method, path, status: 403 });
        expect(answered).toMatchObject({ 'content-security-policy': expect.stringContaining("frame-ancestors 'none'"), 'cache-control': 'no-store' });
      }
    }
  });

  it('answers with the headers of one that is not to be framed, guessed at, kept or read across origins', async () => {
    const forEverybody = ['/openapi.json', '/docs', '/docs/style.css'];
    for (const [method, path] of [...routes(), ['GET', '/ops/queues'], ['GET', '/nowhere'], ['OPTIONS', '/mcp']] as const) {
      const { headers } = await head(method, path, { host: 'localhost', origin: 'http://localhost:6274' });
      expect({ method, path, ...headers }).toMatchObject({
        method,
        path,
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'cache-control': forEverybody.includes(path) ? 'public, max-age=300' : expect.stringMatching(/^no-store/),
      });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });
});

describe('where clients have tokens, every route of the router', () => {
  it('asks for one, but for what tells nothing of callers', async () => {
    await using directory = await temporaryDirectory();
    const tokens = join(directory.path, 'tokens');
    writeFileSync(tokens, `${digestOf('good')} team\n${digestOf('old')} team expires=2020-01-01\n`);
    const issuer = new TokenIssuer();
    const key = await makeSigningKey('only');
    issuer.keys = [key];
    await issuer.start();
    const foreign = await Promise.all([{ aud: 'https://other.example' }, { exp: 1 }, { iss: 'https://evil.example' }, { nbf: 4e9 }].map((claims) => issuer.sign({ aud: 'us', scope: 'read run admin', ...claims }, key)));
    foreign.push(await issuer.sign({ aud: 'us', scope: 'read run admin' }, await makeSigningKey('only')));
    const guarded = await startTestEdge(redisServer.url, { MCP_AUTH_TOKENS_FILE: tokens, MCP_OAUTH_ISSUER: issuer.url, MCP_OAUTH_AUDIENCES: 'us' });
    try {
      const metadata = '/.well-known/oauth-protected-resource';
      const open = ['/', '/health', '/metrics', '/openapi.json', '/docs', '/docs/style.css', metadata, `${metadata}/mcp`, `${metadata}/sse`];
      const strangers: Record<string, string>[] = [{}, { authorization: 'Bearer unknown' }, { authorization: 'Bearer old' }, { authorization: `Bearer ${digestOf('good')}` }, ...foreign.map((token) => ({ authorization: `Bearer ${token}` }))];
      expect((await head('GET', '/tools', { host: 'localhost', authorization: `Bearer ${await issuer.sign({ aud: 'us', scope: 'read' }, key)}` }, guarded.port)).status).toBe(200);
      for (const [method, path] of [...routes(), ['GET', '/ops/queues'] as const]) {
        for (const headers of strangers) {
          const { status } = await head(method, path, { host: 'localhost', ...headers }, guarded.port);
          const expected = open.includes(path) ? [200, 503] : path.startsWith('/ops') ? [401, 403] : [401];
          expect({ method, path, status: expected.includes(status) || status }).toEqual({ method, path, status: true });
        }
      }
    } finally {
      await guarded.close();
      await issuer.goAway();
    }
  });
});

describe('a request that is none', () => {
  const send = async (raw: string): Promise<string> => {
    const socket = connect(port(), '127.0.0.1');
    socket.write(raw);
    return text(socket);
  };

  it('is told what limit its headers break', async () => {
    const { status, json } = await rawCall(port(), '/health', { headers: { 'x-large': 'x'.repeat(20_000) } });
    expect({ status, json }).toMatchObject({ status: 431, json: { status: 431, code: 'headers_too_large', detail: expect.stringContaining('16 KiB') } });
  });

  it('is answered and cut off', async () => {
    expect(await send('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json[^]*"code":"bad_request"/);
    expect(await send('POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });
});
