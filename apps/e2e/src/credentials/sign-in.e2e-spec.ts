import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, fakeJwt, startFakeModel } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { chat, errorOf, outputOf } from '../stack/calls.js';
import { entryOf } from '../stack/launched.process.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

const NOTICED = { timeoutMs: 30_000 };

describe('signing in and out beside a running server', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    const fake = await startFakeModel();
    const env = {
      OPENAI_API_KEY: undefined,
      OAUTH_AUTO_OPEN_BROWSER: 'false',
      CHATGPT_BASE_URL: `${fake.url}/backend-api/codex`,
      CODEX_APP_SERVER_LOGIN_ISSUER: fake.url,
      CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${fake.url}/oauth/token`,
      CODEX_REVOKE_TOKEN_URL_OVERRIDE: `${fake.url}/oauth/revoke`,
    };
    stack = await startStack({ runtime: 'process', fake, env });
    client = await stack.httpClient();
  }, 120_000);
  afterAll(async () => {
    await stack.stop();
    await stack.fake.close();
  });

  const file = () => join(stack.dataDir, 'credentials', 'auth.json');
  const method = async () => ((await outputOf(client, 'health_check'))['sign_in'] as { method: string }).method;

  /** `codex-mcp auth …`, as `npm run auth -- …` runs it, with `input` piped into it. */
  async function auth(args: string[], input = ''): Promise<{ code: unknown; output: string }> {
    const child = spawn(process.execPath, [entryOf('cli'), 'auth', ...args], { env: { ...stack.environment }, cwd: stack.workingDirectory, stdio: 'pipe' });
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code, output: stdout + stderr };
  }

  it('nobody is, to begin with', async () => {
    expect(await auth(['status'])).toMatchObject({ code: 1, output: expect.stringMatching(/codex-mcp +no sign-in of its own[^]*server +not signed in/) });
    expect(await errorOf(client, 'chat', { message: 'hi' })).toMatchObject({ code: 'not_signed_in', message: expect.stringContaining('npm run auth -- login') });
    expect(await auth(['logout'])).toMatchObject({ code: 78, output: expect.stringContaining('no sign-in of its own') });
  }, 120_000);

  it('an API key comes from the standard input, and the server takes it by itself', async () => {
    expect(await auth(['login', '--api-key'])).toMatchObject({ code: 64 });
    const { code, output } = await auth(['login', '--api-key'], 'sk-canary-of-stdin\n');
    expect({ code, output }).toEqual({ code: 0, output: expect.not.stringContaining('canary') });
    await eventually(async () => (await method()) === 'api_key', NOTICED);
    expect(await chat(client, 'hello')).toBe('fake: hello');
    expect(stack.fake.responsesRequests().at(-1)?.headers.authorization).toBe('Bearer sk-canary-of-stdin');
  }, 120_000);

  it('ChatGPT with a code for another device takes its place, in a file for its owner only', async () => {
    const { code, output } = await auth(['login', '--device']);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/\/codex\/device[^]*FAKE-CODE1[^]*Signed in with ChatGPT/) });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readdir(join(stack.dataDir, 'credentials'))).toEqual(['auth.json', 'auth.json.refresh']);
    await eventually(async () => (await method()) === 'chatgpt', NOTICED);
    expect(await chat(client, 'hello again')).toBe('fake: hello again');
    expect(stack.fake.responsesRequests().at(-1)?.headers).toMatchObject({ 'chatgpt-account-id': 'acct_fake', authorization: expect.stringMatching(/^Bearer ey/) });
    expect(await auth(['status'])).toMatchObject({ code: 0, output: expect.stringMatching(/codex-mcp +ChatGPT agent@example\.test \(pro\)[^]*server +ChatGPT/) });
  }, 120_000);

  it('a token that the model refuses is renewed within the turn, which notices nothing', async () => {
    const next = fakeJwt();
    stack.fake.answerTokenRequests({ status: 200, body: { access_token: next, refresh_token: 'rt_fake_next', id_token: fakeJwt() } });
    stack.fake.requireAuthorization(`Bearer ${next}`);
    const before = stack.fake.requests.length;
    expect(await chat(client, 'with a stale token')).toBe('fake: with a stale token');
    expect(stack.fake.requests.slice(before).map(({ path, status }) => `${path} ${status}`)).toEqual(['/backend-api/codex/responses 401', '/oauth/token 200', '/backend-api/codex/responses 200']);
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({ tokens: { access_token: next, refresh_token: 'rt_fake_next', account_id: 'acct_fake', login_owner_id: expect.any(String) } });
  }, 120_000);

  it('one that OpenAI ends is said by the turn that met it, and by all after it', async () => {
    stack.fake.requireAuthorization('Bearer of-somebody-else');
    stack.fake.answerTokenRequests({ status: 401, body: { error: { code: 'refresh_token_reused' } } });
    const ended = { code: 'not_signed_in', retryable: false, message: expect.stringMatching(/refresh_token_reused.*npm run auth -- login/) };
    const before = stack.fake.requests.length;
    expect(await errorOf(client, 'chat', { message: 'hi' })).toMatchObject(ended);
    await eventually(async () => (await method()) === 'none', NOTICED);
    expect(await errorOf(client, 'chat', { message: 'hi' })).toMatchObject(ended);
    expect(await outputOf(client, 'health_check')).toMatchObject({ status: 'degraded', problems: [ended.message] });
    expect(stack.fake.requests.slice(before).map(({ path }) => path)).toEqual(['/backend-api/codex/responses', '/oauth/token']);
    stack.fake.requireAuthorization(undefined);
    stack.fake.answerTokenRequests(undefined);
  }, 120_000);

  it('ChatGPT in a browser is what ends that', async () => {
    const login = stack.launch('cli', 'auth', 'login');
    await login.until(async () => /oauth\/authorize\S+/.test(login.output), 60_000);
    const page = await fetch(/\S+oauth\/authorize\S+/.exec(login.output)?.[0] ?? '');
    expect(page.status).toBe(200);
    expect(await login.exit()).toBe(0);
    await eventually(async () => (await method()) === 'chatgpt', NOTICED);
    expect(await chat(client, 'and again')).toBe('fake: and again');
  }, 120_000);

  it('a sign-in that nobody completes changes nothing', async () => {
    const before = await readFile(file(), 'utf8');
    const login = stack.launch('cli', 'auth', 'login');
    await login.until(async () => login.output.includes('Waiting'), 60_000);
    login.signal('SIGINT');
    expect(await login.exit()).toBe(78);
    expect(login.output).toContain('it was interrupted. Nothing has changed.');
    expect(await readFile(file(), 'utf8')).toBe(before);
    expect(await readdir(join(stack.dataDir, 'credentials'))).toEqual(['auth.json', 'auth.json.refresh']);
  }, 120_000);

  it('a profile is a sign-in beside it', async () => {
    const work = join(stack.dataDir, 'credentials', 'profiles', 'work', 'auth.json');
    expect(await auth(['login', '--api-key', '--profile', 'Not A Name'], 'sk-work\n')).toMatchObject({ code: 64 });
    expect(await auth(['login', '--api-key', '--profile', 'work'], 'sk-work\n')).toMatchObject({ code: 0, output: expect.stringContaining('profiles/work/auth.json') });
    expect([JSON.parse(await readFile(work, 'utf8')), (await stat(work)).mode & 0o777]).toEqual([expect.objectContaining({ OPENAI_API_KEY: 'sk-work' }), 0o600]);
    expect(await auth(['status'])).toMatchObject({ code: 0, output: expect.stringMatching(/codex-mcp +ChatGPT[^]*profile +work: API key .*\(nobody has it\)[^]*server +ChatGPT/) });
    expect(await auth(['logout', '--profile', 'work'])).toMatchObject({ code: 0 });
    expect(await auth(['logout', '--profile', 'work'])).toMatchObject({ code: 78, output: expect.stringContaining('"work" is not signed in') });
    expect([existsSync(work), existsSync(file())]).toEqual([false, true]);
  }, 120_000);

  it('signing out tells OpenAI and the server', async () => {
    const { refresh_token: refreshToken } = (JSON.parse(await readFile(file(), 'utf8')) as { tokens: { refresh_token: string } }).tokens;
    expect(await auth(['logout'])).toMatchObject({ code: 0, output: expect.stringContaining('OpenAI has been told') });
    expect(stack.fake.requests.find(({ path }) => path === '/oauth/revoke')?.body).toMatchObject({ token: refreshToken });
    expect(existsSync(file())).toBe(false);
    await eventually(async () => (await method()) === 'none', NOTICED);
  }, 120_000);

  it('no secret is in a log', async () => {
    const logs = join(stack.dataDir, 'logs');
    const written = await Promise.all((await readdir(logs)).map((name) => readFile(join(logs, name), 'utf8')));
    expect(written.join('\n')).not.toMatch(/canary|eyJ[\w-]+\.ey|rt_fake/);
  });
});
