import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FakeModel, startFakeModel } from './fake-model.server.js';

describe('fake model over HTTP', () => {
  let fake: FakeModel;

  beforeEach(async () => {
    fake = await startFakeModel({ requireAuthorization: 'Bearer right' });
  });
  afterEach(async () => {
    await fake.close();
  });

  async function ask(text: string, init: RequestInit = {}, extra: Record<string, unknown> = {}) {
    return fetch(`${fake.baseUrl}/responses`, {
      method: 'POST',
      headers: { authorization: 'Bearer right', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.5', input: [{ role: 'user', content: [{ type: 'input_text', text }] }], ...extra }),
      ...init,
    });
  }

  async function control(path: string, body?: unknown) {
    const response = await fetch(`${fake.url}/_fake/${path}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  }

  test('refuses another authorization than the required one', async () => {
    expect((await ask('hi', { headers: {} })).status).toBe(401);
    expect((await ask('hi')).status).toBe(200);
    fake.requireAuthorization('Bearer new');
    expect((await ask('hi')).status).toBe(401);
  });

  test('sends every piece at once and waits in between', async () => {
    const response = await ask('<<fake {"text":"abcdef","hang":true}>>');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let received = '';
    while (!received.includes('"delta":"ef"')) received += (await reader?.read())?.value ?? '';
    expect(fake.inFlight()).toBe(1);
    expect(received).not.toContain('response.completed');
    await reader?.cancel();
  });

  test('records when the client leaves a hanging answer', async () => {
    const client = new AbortController();
    await ask('<<fake {"hang":true}>>', { signal: client.signal });
    client.abort();
    const seen = await fake.waitFor((request) => request.aborted, 5_000);
    expect(seen).toMatchObject({ path: '/v1/responses', headers: { authorization: 'Bearer right' } });
    expect(fake.stats()).toEqual({ inFlight: 0, responses: 1, aborted: 1 });
  });

  test('records when the client leaves before the first byte', async () => {
    const client = new AbortController();
    const answer = ask('<<fake {"firstDelayMs":600000}>>', { signal: client.signal }).catch((error: unknown) => String(error));
    await fake.waitFor((request) => request.step !== undefined, 5_000);
    client.abort();
    await fake.waitFor((request) => request.aborted, 5_000);
    expect(await answer).toContain('AbortError');
  });

  test('breaks the connection before the response', async () => {
    await expect(ask('<<fake {"disconnectAfter":0}>>')).rejects.toThrow('fetch failed');
    expect(fake.stats()).toMatchObject({ inFlight: 0, aborted: 0 });
  });

  test('breaks the connection after the pieces before it have arrived', async () => {
    const response = await ask('<<fake {"text":"abcdef","disconnectAfter":2}>>');
    let received = '';
    const read = async () => {
      for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) received += part;
    };
    await expect(read()).rejects.toThrow('terminated');
    expect(received.match(/"delta":"\w+"/g)).toEqual(['"delta":"ab"', '"delta":"cd"']);
    expect(fake.stats()).toMatchObject({ inFlight: 0, aborted: 0 });
  });

  test('ends the stream without completing the response', async () => {
    const events = await (await ask('<<fake {"text":"abcdef","endAfter":2}>>')).text();
    expect(events.match(/"delta":"\w+"/g)).toEqual(['"delta":"ab"', '"delta":"cd"']);
    expect(events).not.toContain('response.completed');
  });

  test('streams a failed response', async () => {
    const events = await (await ask('<<fake {"failed":{"code":"server_is_overloaded"}}>>')).text();
    expect(events).toMatch(/event: response\.failed\n.*server_is_overloaded/);
  });

  test('plays rules in order, each for the turns it is meant for', async () => {
    fake.rule({ match: /^a/g, times: 1, steps: [{ text: 'rule one' }] });
    fake.rule({ match: (request) => request.model === 'gpt-5.5', steps: [{ text: 'rule two' }] });
    const answers = [];
    for (const text of ['abc', 'abc', 'xyz', '<<fake {"text":"directive"}>>']) answers.push(await (await ask(text)).text());
    expect(answers.map((events) => /"text":"([\w ]+)","annotations"/.exec(events)?.[1])).toEqual(['rule one', 'rule two', 'rule two', 'directive']);
  });

  test('refuses a shell step when the request offers no tool for it', async () => {
    const response = await ask('<<fake {"shell":"ls"}>>', {}, { tools: [{ type: 'function', name: 'other' }] });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/gpt-5\.5 has no tool for a \\"shell\\" step.*other/);
  });

  test('answers 404 for the list of models', async () => {
    expect((await fetch(`${fake.baseUrl}/models`)).status).toBe(404);
  });

  test('accepts a refresh token once', async () => {
    const refresh = async () =>
      fetch(`${fake.url}/oauth/token`, { method: 'POST', body: JSON.stringify({ grant_type: 'refresh_token', refresh_token: 'rt_1' }) });
    expect((await refresh()).status).toBe(200);
    expect((await refresh()).status).toBe(401);
    fake.answerTokenRequests({ status: 503, body: {} });
    expect((await refresh()).status).toBe(503);
  });

  test('is scripted and read by other processes', async () => {
    expect(await control('rules', { match: 'weather', steps: [{ text: 'sunny' }] })).toEqual({ status: 200, body: { added: 1 } });
    expect(await (await ask('how is the weather?')).text()).toContain('sunny');
    expect(await control('rules', [{ steps: [{ txet: 'typo' }] }])).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('txet') } } });
    expect((await control('stats')).body).toEqual({ inFlight: 0, responses: 1, aborted: 0, requests: 1 });
    expect((await control('requests?last=1')).body).toMatchObject([{ path: '/v1/responses', status: 200, step: { text: 'sunny' } }]);
    await control('reset', {});
    expect((await control('requests')).body).toEqual([]);
    expect(await (await ask('how is the weather?')).text()).toContain('fake: how is the weather?');
  });

  test('says what it has seen when the awaited request does not come', async () => {
    await fetch(`${fake.baseUrl}/models`);
    await expect(fake.waitFor((request) => request.path === '/other', 20)).rejects.toThrow('GET /v1/models 404');
  });
});
