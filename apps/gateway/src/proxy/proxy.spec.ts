import { once } from 'node:events';
import { createServer, type IncomingMessage, request as newRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, jwt, open, send, startGateway, startUpstream } from '../gateway.fixture.js';

const KEY = 'sk-canary-of-the-upstream';
const POST = { method: 'POST', path: '/v1/responses' };

let directory: TemporaryDirectory;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let seen: IncomingMessage[];
let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: GatewayUnderTest;
let socketPath: string;

async function start(env: Record<string, string> = {}): Promise<void> {
  gateway = await startGateway(join(directory.path, 'run'), { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `${upstream.url}/base/v1`, ...env });
  ({ socketPath } = await gateway.register('a'));
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  seen = [];
  answer = (_request, response) => response.end('fine');
  upstream = await startUpstream((request, response) => {
    seen.push(request);
    answer(request, response);
  });
});
afterEach(async () => {
  upstream.close();
  await gateway.stop();
  await directory.remove();
});

describe('what reaches the upstream', () => {
  it('is the request with the gateway’s credentials in place of the agent’s', async () => {
    await start();
    let body = '';
    answer = (request, response) => void text(request).then((read) => response.end((body = read)));
    const headers = {
      authorization: 'Bearer of-the-agent',
      cookie: 'a=b',
      'chatgpt-account-id': 'another',
      'openai-organization': 'another',
      'x-openai-account-routing-override': 'us',
      connection: 'x-named, close',
      'x-named': 'hop',
      originator: 'codex_exec',
      'x-codex-turn-metadata': '{}',
    };
    expect(await send({ ...POST, socketPath, headers }, '{"input":"hi"}')).toMatchObject({ status: 200, body: '{"input":"hi"}' });
    expect(body).toBe('{"input":"hi"}');
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/base/v1/responses' });
    const { host, connection, ...sent } = seen[0]?.headers ?? {};
    expect(host).toBe(new URL(upstream.url).host);
    expect(connection).toBe('keep-alive');
    expect(sent).toEqual({ authorization: `Bearer ${KEY}`, originator: 'codex_exec', 'x-codex-turn-metadata': '{}', 'content-length': '14' });
  });

  it('is a ChatGPT token with its account at CHATGPT_BASE_URL, also when OPENAI_BASE_URL is set', async () => {
    const token = jwt({ 'https://api.openai.com/auth': { chatgpt_account_id: 'acc-1', chatgpt_account_is_fedramp: true } });
    await start({ CHATGPT_OAUTH_TOKEN: token, CHATGPT_BASE_URL: `${upstream.url}/backend-api/codex/` });
    await send({ ...POST, socketPath }, '{}');
    expect(seen[0]?.url).toBe('/backend-api/codex/responses');
    expect(seen[0]?.headers).toMatchObject({ authorization: `Bearer ${token}`, 'chatgpt-account-id': 'acc-1', 'x-openai-fedramp': 'true' });
  });

  it.each([
    ['POST', '/v1/responses', '/base/v1/responses'],
    ['POST', '/v1/responses/compact', '/base/v1/responses/compact'],
    ['GET', '/v1/models?client_version=1', '/base/v1/models?client_version=1'],
  ])('%s %s passes', async (method, path, target) => {
    await start();
    expect((await send({ socketPath, method, path }, method === 'POST' ? '{}' : undefined)).status).toBe(200);
    expect(seen.map(({ url }) => url)).toEqual([target]);
  });

  it.each([
    ['GET', '/v1/responses'],
    ['POST', '/v1/models'],
    ['POST', '/v1/responses/'],
    ['POST', '/v1/responses/../files'],
    ['POST', '/v1/%72esponses'],
    ['POST', '//v1/responses'],
    ['POST', 'http://example.test/v1/responses'],
    ['GET', '/v1/files'],
    ['DELETE', '/v1/responses'],
    ['OPTIONS', '*'],
    ['GET', '/'],
  ])('%s %s does not', async (method, path) => {
    await start();
    const { status, body } = await send({ socketPath, method, path });
    expect({ status, code: JSON.parse(body).error.code }).toEqual({ status: 404, code: 'codex_mcp_not_found' });
    expect(seen).toEqual([]);
  });

  it('is no body beyond GATEWAY_MAX_BODY, and none of unknown length', async () => {
    await start({ GATEWAY_MAX_BODY: '1k' });
    expect(await send({ ...POST, socketPath }, 'x'.repeat(1025))).toMatchObject({ status: 400, body: expect.stringContaining('GATEWAY_MAX_BODY') });
    expect(await send({ ...POST, socketPath, headers: { 'transfer-encoding': 'chunked' } })).toMatchObject({ status: 411 });
    expect(seen).toEqual([]);
    expect((await send({ ...POST, socketPath }, 'x'.repeat(1024))).status).toBe(200);
  });

  it('is all of a body or nothing of it, when the agent leaves before its end', async () => {
    await start();
    const sent = newRequest({ ...POST, socketPath, agent: false, headers: { 'content-length': 1000 } }).on('error', () => undefined);
    sent.write('x'.repeat(500));
    await eventually(async () => /requests_in_flight(\{.*\})? 1$/m.test(await gateway.metrics()));
    sent.destroy();
    await eventually(() => gateway.lines().some((line) => line.includes('"end":"agent_gone"')));
    expect(seen).toEqual([]);
  });
});

describe('a streamed answer', () => {
  it('arrives piece by piece: each piece before the upstream sends the next', async () => {
    await start();
    let response: ServerResponse | undefined;
    answer = (_request, out) => {
      response = out;
      out.writeHead(200, { 'content-type': 'text/event-stream', 'x-codex-turn-state': 's', 'set-cookie': 'a=b' }).flushHeaders();
    };
    const { headers, stream } = await open({ ...POST, socketPath }, '{}');
    expect(headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-codex-turn-state': 's' });
    expect(headers['set-cookie']).toBeUndefined();
    for (const piece of ['data: 1\n\n', 'data: 2\n\n']) {
      response?.write(piece);
      const [chunk] = await once(stream, 'data');
      expect(String(chunk)).toBe(piece);
    }
    response?.end();
    await once(stream, 'end');
  });

  it('is aborted at the upstream when the agent leaves', async () => {
    await start();
    let upstreamClosed = false;
    answer = (_request, response) => void response.on('close', () => (upstreamClosed = true)).write('data: 1\n\n');
    const { stream } = await open({ ...POST, socketPath }, '{}');
    await once(stream, 'data');
    stream.destroy();
    await eventually(() => upstreamClosed);
    await eventually(() => gateway.lines().some((line) => line.includes('"end":"agent_gone"')));
  });

  it('is aborted at the upstream when the agent leaves before the first byte', async () => {
    await start();
    let upstreamClosed = false;
    answer = (_request, response) => void response.on('close', () => (upstreamClosed = true));
    const leave = new AbortController();
    const sent = open({ ...POST, socketPath, signal: leave.signal }, '{}');
    await eventually(() => seen.length === 1);
    leave.abort();
    await expect(sent).rejects.toThrow('aborted');
    await eventually(() => upstreamClosed);
  });

  it('breaks off for the agent when it breaks off at the upstream', async () => {
    await start();
    answer = (_request, response) => response.write('data: 1\n\n', () => response.destroy());
    const { stream } = await open({ ...POST, socketPath }, '{}');
    await expect(text(stream)).rejects.toThrow('aborted');
    await eventually(() => gateway.lines().some((line) => line.includes('"end":"upstream_failed"')));
  });

  it('waits for a slow agent instead of filling the memory', async () => {
    await start();
    const piece = Buffer.alloc(1024 * 1024);
    let sentBytes = 0;
    answer = (_request, response) => {
      const pump = () => {
        do sentBytes += piece.length;
        while (response.write(piece) && sentBytes < 256 * piece.length);
      };
      response.on('drain', () => sentBytes < 256 * piece.length && pump());
      pump();
    };
    const { stream } = await open({ ...POST, socketPath }, '{}');
    let before = -1;
    await eventually(() => before === (before = sentBytes), { intervalMs: 200 });
    expect(sentBytes).toBeLessThan(64 * piece.length);
    stream.destroy();
  });
});

describe('an answer that refuses a request', () => {
  it.each([400, 401, 403])('does not show the agent the credential that the upstream repeats in it, whole or in pieces (%s)', async (status) => {
    await start();
    const body = (key: string) => `{"error":{"message":"Incorrect API key provided: ${key}, or ${key}."}}`;
    const bytes = Buffer.from(body(KEY));
    const cut = bytes.indexOf(KEY) + 5;
    answer = (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length }).write(bytes.subarray(0, cut));
      setImmediate(() => response.end(bytes.subarray(cut)));
    };
    expect(await send({ ...POST, socketPath }, '{}')).toMatchObject({ status, body: body('*'.repeat(KEY.length)) });
  });
});

describe('an answer of the gateway itself', () => {
  const errorOf = ({ status, body }: { status: number; body: string }) => ({ status, ...JSON.parse(body).error });

  it('says what to do without a sign-in, with the status on which Codex gives up at once', async () => {
    await start({ OPENAI_API_KEY: '' });
    const error = errorOf(await send({ ...POST, socketPath }, '{}'));
    expect(error).toEqual({ status: 400, type: 'invalid_request_error', code: 'codex_mcp_not_signed_in', param: null, message: expect.stringContaining('codex login') });
    expect(seen).toEqual([]);
  });

  it('says that the upstream cannot be reached', async () => {
    await start({ MODEL_RETRY_MAX: '0' });
    upstream.close();
    const error = errorOf(await send({ ...POST, socketPath }, '{}'));
    expect(error).toMatchObject({ status: 502, code: 'codex_mcp_upstream_unreachable', message: expect.stringContaining('ECONNREFUSED') });
  });

  it('says that the upstream was too slow', async () => {
    await start({ UPSTREAM_FIRST_BYTE_TIMEOUT: '0.3', MODEL_RETRY_MAX: '0' });
    answer = () => undefined;
    expect(errorOf(await send({ ...POST, socketPath }, '{}'))).toMatchObject({ status: 504, code: 'codex_mcp_upstream_timeout' });
  });
});

describe('HTTPS_PROXY', () => {
  it('is the way to the upstream, except for the hosts of NO_PROXY', async () => {
    const tunnels: (string | undefined)[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      tunnels.push(request.url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const env = { MODEL_RETRY_MAX: '0', OPENAI_BASE_URL: 'https://model.invalid/v1', HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    await start(env);
    expect((await send({ ...POST, socketPath }, '{}')).status).toBe(502);
    expect(tunnels).toEqual(['model.invalid:443']);
    await gateway.stop();
    await start({ ...env, NO_PROXY: 'model.invalid' });
    expect((await send({ ...POST, socketPath }, '{}')).status).toBe(502);
    expect(tunnels).toHaveLength(1);
    proxy.close();
  });
});

describe('the log', () => {
  it('has one event per request, with its shape and without any value', async () => {
    await start();
    await send({ ...POST, socketPath, headers: { authorization: 'Bearer agent-canary' } }, '{"input":"body-canary"}');
    const events = () => gateway.lines().filter((line) => line.includes('"op":"model_request"'));
    await eventually(() => events().length > 0);
    // Its stop records what has not been yet.
    await gateway.stop();
    expect(events()).toHaveLength(1);
    expect(JSON.parse(events()[0] ?? '')).toMatchObject({ agentId: 'a', tenant: 'local', outcome: 'ok', status: 200, end: 'completed', requestBytes: 23, responseBytes: 4, durationMs: expect.any(Number), firstByteMs: expect.any(Number) });
    expect(gateway.lines().join('\n')).not.toContain('canary');
  });
});
