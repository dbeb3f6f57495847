import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, open, send, startGateway, startUpstream } from '../gateway.fixture.js';

let directory: TemporaryDirectory;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let seen: number;
let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: GatewayUnderTest;
let call: { method: string; path: string; socketPath: string };

beforeEach(async () => {
  directory = await temporaryDirectory();
  seen = 0;
  answer = () => undefined;
  upstream = await startUpstream((request, response) => {
    // Not before all of the request is there.
    request.resume().on('end', () => {
      seen += 1;
      answer(request, response);
    });
  });
});
afterEach(async () => {
  upstream.close();
  await gateway.stop();
  await directory.remove();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  gateway = await startGateway(join(directory.path, 'run'), { OPENAI_API_KEY: 'sk-a', OPENAI_BASE_URL: upstream.url, MODEL_RETRY_MAX: '0', ...env });
  call = { method: 'POST', path: '/v1/responses', socketPath: (await gateway.register('a')).socketPath };
}

const metered = async (): Promise<Record<string, unknown>> => JSON.parse(await eventually(() => gateway.lines().find((line) => line.includes('"op":"model_request"')) ?? '')) as Record<string, unknown>;
const bodyOf = (more: object = {}) => JSON.stringify({ model: 'gpt-5.5', input: 'x'.repeat(1000), ...more });
const head = { model: 'gpt-5.5', isEstimated: true, inputTokens: Math.ceil(bodyOf().length / 4) };

/** The agent leaves as soon as the model's service has its request. */
async function leaveAtOnce(body: string): Promise<void> {
  const leave = new AbortController();
  const sent = expect(open({ ...call, signal: leave.signal }, body)).rejects.toThrow('aborted');
  await eventually(() => seen === 1);
  leave.abort();
  await sent;
}

describe('an answer that its agent breaks off', () => {
  it('costs its input before its head is there', async () => {
    await start();
    await leaveAtOnce(bodyOf());
    expect(await metered()).toMatchObject({ ...head, end: 'agent_gone', outputTokens: 0, costUsd: expect.any(Number) });
  });

  it('costs its input while its first events are held back', async () => {
    await start();
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: response.created\ndata: {"type":"response.created","response":{"model":"gpt-5.5-2026-04-23"}}\n\n');
    };
    const { stream } = await open(call, bodyOf());
    stream.destroy();
    expect(await metered()).toMatchObject({ isEstimated: true, inputTokens: head.inputTokens, model: expect.stringMatching(/^gpt-5\.5/) });
  });

  it('costs what has come of it, where it is one document', async () => {
    await start();
    answer = (_request, response) => void response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5000 }).write('{'.padEnd(4000));
    const { stream } = await open(call, bodyOf());
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await eventually(() => bytes === 4000);
    stream.destroy();
    expect(await metered()).toMatchObject({ ...head, outputTokens: 1000 });
  });

  it.each([
    ['an earlier response', bodyOf({ previous_response_id: 'resp_1' })],
    ['an earlier response, spelt otherwise', bodyOf({ previous_response_id: 'resp_1' }).replace('response_id', 'response_\\u0069d')],
    ['a conversation', bodyOf({ conversation: { id: 'conv_1' } })],
    ['a stored prompt', bodyOf({ prompt: { id: 'pmpt_1' } })],
    ['a stored item', bodyOf({ input: [{ type: 'item_reference', id: 'msg_1' }] })],
    ['a stored item without a type', bodyOf({ input: [{ id: 'msg_1' }] })],
    ['a stored file', bodyOf({ input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_1' }] }] })],
    ['a file of somewhere else', bodyOf({ input: [{ type: 'message', role: 'user', content: [{ type: 'input_image', image_url: 'https://example.org/a.png' }] }] })],
    ['the result of a tool with a stored file', bodyOf({ input: [{ type: 'function_call_output', call_id: 'a', output: [{ type: 'input_file', file_id: 'file_1' }] }] })],
    ['nothing that can be read', '{"input":'],
  ])('costs the most that there can be, where its input is %s', async (_, body) => {
    await start();
    await leaveAtOnce(body);
    expect(await metered()).toMatchObject({ isEstimated: true, inputTokens: 272_000 });
  });

  it('costs the bytes of a conversation that is all in it', async () => {
    await start();
    const input = [
      { role: 'user', content: 'hi' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: '"previous_response_id": "resp_1"' }, { type: 'input_image', image_url: 'data:image/png;base64,AA==' }] },
      { type: 'reasoning', summary: [], encrypted_content: 'AA==' },
      { type: 'function_call', call_id: 'a', name: 'exec', arguments: '{"file_id":"a"}' },
      { type: 'function_call_output', call_id: 'a', output: 'item_reference' },
    ];
    const body = bodyOf({ input, previous_response_id: null, tools: [{ type: 'function', name: 'f', parameters: { properties: { prompt: { type: 'string' } } } }] });
    await leaveAtOnce(body);
    expect(await metered()).toMatchObject({ isEstimated: true, inputTokens: Math.ceil(body.length / 4) });
  });
});

describe('an answer that does not come', () => {
  it('costs its input where the model’s service took too long', async () => {
    await start({ UPSTREAM_FIRST_BYTE_TIMEOUT: '0.3' });
    expect((await send(call, bodyOf())).status).toBe(504);
    expect(await metered()).toMatchObject(head);
  });

  it.each([
    ['refused the request', (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(400).end('{}')],
    ['was busy', (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(500).end('{}')],
    ['broke the connection off', (request: IncomingMessage) => void request.socket.destroy()],
  ])('costs nothing where the model’s service %s', async (_, refuse) => {
    await start();
    answer = refuse;
    await send(call, bodyOf());
    expect(await metered()).toMatchObject({ attempts: 1 });
    expect(await metered()).not.toHaveProperty('inputTokens');
  });
});

describe('an answer that names no model', () => {
  const usage = { input_tokens: 1000, output_tokens: 100 };

  it.each([
    ['is that of the model asked for', 'gpt-6-sol-2026-09-01', { model: 'gpt-6-sol', costUsd: 0.003 }],
    ['is of no model where the agent has made one up', 'made-up', { model: 'unknown' }],
  ])('%s', async (_, model, expected) => {
    await start();
    answer = (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: 'resp_1', object: 'response.compaction', usage }));
    await send({ ...call, path: '/v1/responses/compact' }, bodyOf({ model }));
    expect(await metered()).toMatchObject({ ...expected, inputTokens: 1000, outputTokens: 100 });
  });
});

it('a request that is encoded is refused, as nobody could count it', async () => {
  await start();
  const refused = await send({ ...call, headers: { 'content-encoding': 'gzip' } }, bodyOf());
  expect({ status: refused.status, error: JSON.parse(refused.body).error }).toMatchObject({ status: 400, error: { code: 'codex_mcp_encoding_refused', message: expect.stringContaining('Content-Encoding') } });
  expect(seen).toBe(0);
  answer = (_request, response) => void response.end('fine');
  expect((await send({ ...call, headers: { 'content-encoding': 'identity' } }, bodyOf())).status).toBe(200);
});
