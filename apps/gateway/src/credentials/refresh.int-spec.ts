import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually, type FakeModel, fakeJwt, startFakeModel, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, send, startGateway, startUpstream } from '../gateway.fixture.js';

/** A refresh starts a process, which takes its time on a busy machine. */
const PATIENCE = { timeoutMs: 30_000 };
jest.setTimeout(120_000);

const POST = { method: 'POST', path: '/v1/responses' };

let home: TemporaryDirectory;
let issuer: FakeModel;
let model: Awaited<ReturnType<typeof startUpstream>>;
/** Access tokens that the model has seen, in order, and those that it takes. */
let seen: string[];
let takes: (token: string) => boolean;
/** With what it answers a request whose token it takes. */
let statuses: number[];
/** What it waits for before it answers each request. */
let holds: (Promise<void> | undefined)[];
let gateway: GatewayUnderTest;
let socketPath: string;

beforeEach(async () => {
  home = await temporaryDirectory();
  issuer = await startFakeModel();
  [seen, takes, statuses, holds] = [[], () => true, [], []];
  model = await startUpstream((request: IncomingMessage, response: ServerResponse) => {
    const token = String(request.headers.authorization).replace('Bearer ', '');
    seen.push(token);
    const answer = () => (takes(token) ? response.writeHead(statuses.shift() ?? 200).end('fine') : response.writeHead(401, { 'x-request-id': 'of-401' }).end('{"error":"no"}'));
    const hold = holds.shift();
    request.resume().on('end', () => (hold ? void hold.then(answer) : answer()));
  });
});
afterEach(async () => {
  await gateway.stop();
  model.close();
  await issuer.close();
  await home.remove();
});

const file = () => join(home.path, 'data', 'credentials', 'auth.json');

/** As a sign-in does: in one step. */
function signIn(accessToken: string, refreshToken = 'rt-1'): void {
  mkdirSync(join(file(), '..'), { recursive: true, mode: 0o700 });
  writeFileSync(`${file()}.new`, JSON.stringify({ auth_mode: 'chatgpt', tokens: { access_token: accessToken, refresh_token: refreshToken, account_id: 'acc' } }), { mode: 0o600 });
  renameSync(`${file()}.new`, file());
}

async function start(accessToken: string): Promise<void> {
  signIn(accessToken);
  gateway = await startGateway(join(home.path, 'run'), { HOME: home.path, DATA_DIR: join(home.path, 'data'), CHATGPT_BASE_URL: model.url, CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${issuer.url}/oauth/token` });
  ({ socketPath } = await gateway.register('a'));
}

const ask = () => send({ ...POST, socketPath }, '{"input":"hi"}');
const errorOf = ({ status, body }: { status: number; body: string }) => ({ status, ...JSON.parse(body).error });
const refreshes = () => issuer.requests.length;
const health = async () => JSON.parse((await gateway.control('GET', '/health')).body);
const accessTokenOnDisk = (): string => JSON.parse(readFileSync(file(), 'utf8')).tokens.access_token;

describe('an access token', () => {
  it('that has expired is renewed once for all who wait for it', async () => {
    const expired = fakeJwt({ lifetimeSeconds: -10 });
    await start(expired);
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(refreshes()).toBe(1);
    expect(new Set(seen)).toEqual(new Set([accessTokenOnDisk()]));
    expect(gateway.lines().join('\n')).not.toMatch(/rt-1|rt_fake|eyJ/);
  });

  it('with less than five minutes left is renewed beside its use, also where nobody asks', async () => {
    const old = fakeJwt({ lifetimeSeconds: 240 });
    await start(old);
    await eventually(() => accessTokenOnDisk() !== old, PATIENCE);
    expect((await ask()).status).toBe(200);
    expect([refreshes(), seen]).toEqual([1, [accessTokenOnDisk()]]);
  });

  it('with more is left alone', async () => {
    await start(fakeJwt({ lifetimeSeconds: 400 }));
    expect((await ask()).status).toBe(200);
    expect(refreshes()).toBe(0);
  });

  it('that the model refuses is renewed once for all, and their requests are sent again', async () => {
    const revoked = fakeJwt();
    takes = (token) => token !== revoked;
    await start(revoked);
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 fine']));
    expect(refreshes()).toBe(1);
  });

  it('whose successor is refused too is not renewed again and again: the agent gets the 401', async () => {
    takes = () => false;
    await start(fakeJwt());
    for (let times = 0; times < 3; times += 1) expect(await ask()).toMatchObject({ status: 401, body: '{"error":"no"}', headers: { 'x-request-id': 'of-401' } });
    expect(refreshes()).toBe(1);
    takes = () => true;
    expect((await ask()).status).toBe(200);
    const revokedLater = accessTokenOnDisk();
    takes = (token) => token !== revokedLater;
    expect((await ask()).status).toBe(200);
    expect(refreshes()).toBe(2);
  });

  it.each([
    [429, 'the next request', 2],
    [503, 'nobody, as it has not been taken yet', 1],
  ])('is renewed once for a request, however often that is sent again: after %s and another 401, by %s', async (status, _, afterNext) => {
    statuses = [status];
    takes = () => statuses.length > 0 && seen.length === 2;
    await start(fakeJwt());
    expect(await ask()).toMatchObject({ status: 401, headers: { 'x-request-id': 'of-401' } });
    expect([refreshes(), seen.length]).toEqual([1, 3]);
    expect((await ask()).status).toBe(401);
    expect(refreshes()).toBe(afterNext);
  });
});

describe('a refresh token that the issuer refuses', () => {
  it('is one clear state: sign in again; nothing is asked until somebody has', async () => {
    issuer.answerTokenRequests({ status: 401, body: { error: { code: 'refresh_token_reused' } } });
    await start(fakeJwt({ lifetimeSeconds: -10 }));
    const problem = expect.stringMatching(/ended the ChatGPT sign-in \(refresh_token_reused\).*npm run auth -- login/);
    for (let times = 0; times < 5; times += 1) expect(errorOf(await ask())).toMatchObject({ status: 400, code: 'codex_mcp_not_signed_in', message: problem });
    expect(await health()).toMatchObject({ signIn: { method: 'none', source: '~/data/credentials/auth.json', problem } });
    expect([refreshes(), seen]).toEqual([1, []]);
    signIn(fakeJwt(), 'rt-2');
    expect((await ask()).status).toBe(200);
    expect((await health()).signIn).toEqual({ method: 'chatgpt', source: '~/data/credentials/auth.json' });
    expect(refreshes()).toBe(1);
  });

  it('is that state also for a request whose 401 comes only then', async () => {
    issuer.answerTokenRequests({ status: 401, body: { error: { code: 'refresh_token_invalidated' } } });
    takes = () => false;
    await start(fakeJwt());
    let release: () => void = () => undefined;
    holds = [new Promise<void>((resolve) => (release = resolve))];
    const late = ask();
    await eventually(() => seen.length === 1, PATIENCE);
    const ended = { status: 400, code: 'codex_mcp_not_signed_in', message: expect.stringContaining('npm run auth -- login') };
    expect(errorOf(await ask())).toMatchObject(ended);
    release();
    expect(errorOf(await late)).toMatchObject(ended);
    expect(refreshes()).toBe(1);
  });

  it('is said while the access token still works, and the token is used', async () => {
    issuer.answerTokenRequests({ status: 400, body: { error: 'invalid_grant' } });
    await start(fakeJwt({ lifetimeSeconds: 240 }));
    await eventually(async () => (await health()).signIn.problem?.includes('invalid_grant') ?? false, PATIENCE);
    expect((await health()).signIn.method).toBe('chatgpt');
    expect((await ask()).status).toBe(200);
  });

  it('is the same state where the model has refused the access token', async () => {
    issuer.answerTokenRequests({ status: 401, body: { error: { code: 'refresh_token_invalidated' } } });
    takes = () => false;
    await start(fakeJwt());
    for (let times = 0; times < 3; times += 1) expect(errorOf(await ask())).toMatchObject({ status: 400, code: 'codex_mcp_not_signed_in' });
    expect([refreshes(), seen.length]).toEqual([1, 1]);
  });
});

describe('an issuer that cannot be reached', () => {
  it('does no harm while the token works, and ends with the outage', async () => {
    issuer.answerTokenRequests({ status: 503, body: {} });
    const old = fakeJwt({ lifetimeSeconds: 240 });
    await start(old);
    await eventually(async () => (await health()).signIn.problem?.includes('answered 503') ?? false, PATIENCE);
    expect((await ask()).status).toBe(200);
    issuer.answerTokenRequests(undefined);
    await eventually(() => accessTokenOnDisk() !== old, PATIENCE);
    await eventually(async () => (await health()).signIn.problem === undefined, PATIENCE);
  });

  it('is named where there is no token that works, as something that passes', async () => {
    issuer.answerTokenRequests({ status: 503, body: {} });
    await start(fakeJwt({ lifetimeSeconds: -10 }));
    expect(errorOf(await ask())).toMatchObject({ status: 502, code: 'codex_mcp_upstream_unreachable', message: expect.stringContaining('answered 503') });
    expect((await health()).signIn.method).toBe('chatgpt');
  });
});

describe('a sign-out', () => {
  it('is noticed by itself', async () => {
    await start(fakeJwt());
    await eventually(() => gateway.lines().some((line) => line.includes('"method":"chatgpt"')));
    renameSync(file(), `${file()}.gone`);
    await eventually(() => gateway.lines().some((line) => line.includes('"method":"none"')));
  });
});
