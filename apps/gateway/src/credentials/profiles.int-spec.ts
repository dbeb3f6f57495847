import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRedis, readHeartbeats } from '@codex-mcp/messaging';
import { eventually, type FakeModel, fakeJwt, startFakeModel, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, jwt, recordingLogger, send, startGateway, startUpstream } from '../gateway.fixture.js';
import { ProfilesFile } from './profiles.file.js';

/** A refresh starts a process, which takes its time on a busy machine. */
const PATIENCE = { timeoutMs: 30_000 };

let home: TemporaryDirectory;
let issuer: FakeModel;
let seen: string[];
let model: Awaited<ReturnType<typeof startUpstream>>;
let gateway: GatewayUnderTest;

beforeEach(async () => {
  home = await temporaryDirectory();
  issuer = await startFakeModel();
  seen = [];
  model = await startUpstream((request, response) => {
    seen.push(`${request.url} ${String(request.headers.authorization).replace('Bearer ', '')}`);
    request.resume().on('end', () => response.end('fine'));
  });
});
afterEach(async () => {
  await gateway.stop();
  model.close();
  await issuer.close();
  await home.remove();
});

const credentials = () => join(home.path, 'credentials');
const profile = (name: string) => join(credentials(), 'profiles', name, 'auth.json');
const choiceFile = () => join(home.path, 'profiles.json');
const choose = (choice: unknown) => writeFileSync(choiceFile(), typeof choice === 'string' ? choice : JSON.stringify(choice));

function store(file: string, content: unknown): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
}
const key = (value: string) => ({ auth_mode: 'apikey', OPENAI_API_KEY: value });
const chatgpt = (accessToken: string) => ({ auth_mode: 'chatgpt', tokens: { access_token: accessToken, refresh_token: 'rt-1', account_id: 'acc' } });

async function start(env: Record<string, string> = {}): Promise<void> {
  const upstream = { OPENAI_BASE_URL: `${model.url}/api`, CHATGPT_BASE_URL: `${model.url}/chatgpt`, CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${issuer.url}/oauth/token` };
  gateway = await startGateway(join(home.path, 'run'), { CREDENTIALS_DIR: credentials(), SIGN_IN_PROFILES_FILE: choiceFile(), ...upstream, ...env });
}

/** The answer to a request of this agent, and what it was sent with. */
async function ask(tenant: string, agentId: string): Promise<{ status: number; sent: string | undefined; body: string }> {
  const { socketPath } = await gateway.register(agentId, 'unix', tenant);
  const before = seen.length;
  const { status, body } = await send({ method: 'POST', path: '/v1/responses', socketPath }, '{}');
  return { status, sent: seen[before], body };
}
const sentBy = async (tenant: string, agentId: string) => (await ask(tenant, agentId)).sent;

describe('profiles', () => {
  it('are chosen by the operator, for tenants and before them for agents; everybody else has the default', async () => {
    store(profile('work'), key('sk-work'));
    store(profile('private'), chatgpt('token-private'));
    choose({ tenants: { ben: 'work', anna: 'default' }, agents: { ben: { writer: 'private', plain: 'default' }, carl: { writer: 'work' } } });
    await start({ OPENAI_API_KEY: 'sk-default', CODEX_AUTH_METHOD: 'api_key' });
    const agents = [['local', 'a'], ['anna', 'writer'], ['ben', 'a'], ['ben', 'writer'], ['ben', 'plain'], ['carl', 'writer'], ['carl', 'a'], ['__proto__', 'a'], ['ben', 'constructor']] as const;
    const sent = [];
    for (const [tenant, agentId] of agents) sent.push(await sentBy(tenant, agentId));
    const [ofDefault, ofWork, ofPrivate] = ['/api/responses sk-default', '/api/responses sk-work', '/chatgpt/responses token-private'];
    expect(sent).toEqual([ofDefault, ofDefault, ofWork, ofPrivate, ofDefault, ofWork, ofDefault, ofDefault, ofWork]);
  });

  it('without a sign-in are an error for those who have them alone, until somebody signs in', async () => {
    choose({ tenants: { ben: 'work' } });
    await start({ OPENAI_API_KEY: 'sk-default' });
    const { status, sent, body } = await ask('ben', 'a');
    expect({ status, sent, ...(JSON.parse(body) as { error: object }).error }).toMatchObject({ status: 400, sent: undefined, code: 'codex_mcp_not_signed_in', message: expect.stringContaining('npm run auth -- login --profile work') });
    expect(await sentBy('anna', 'a')).toBe('/api/responses sk-default');
    expect(await gateway.health()).toMatchObject({ ok: true, signIn: { method: 'api_key' }, profiles: { work: { method: 'none', problem: expect.stringContaining('"work"') } } });
    store(profile('work'), key('sk-work'));
    expect(await sentBy('ben', 'a')).toBe('/api/responses sk-work');
    expect(await gateway.health()).toMatchObject({ profiles: { work: { method: 'api_key', source: expect.stringContaining('profiles/work/auth.json') } } });
    rmSync(profile('work'));
    expect((await ask('ben', 'a')).status).toBe(400);
  });

  it('need no default sign-in', async () => {
    store(profile('work'), key('sk-work'));
    choose({ tenants: { ben: 'work' } });
    await start();
    expect((await ask('anna', 'a')).body).toContain('npm run auth -- login`');
    expect(await sentBy('ben', 'a')).toBe('/api/responses sk-work');
  });

  it('are refreshed each by itself, in a file and under a lock of their own', async () => {
    const expired = jwt({ exp: 1, of: 'work' });
    const next = fakeJwt();
    issuer.answerTokenRequests({ status: 200, body: { access_token: next, refresh_token: 'rt-2' } });
    store(profile('work'), chatgpt(expired));
    store(join(credentials(), 'auth.json'), chatgpt('token-default'));
    choose({ tenants: { ben: 'work' } });
    await start();
    await eventually(async () => expect(await sentBy('ben', 'a')).toBe(`/chatgpt/responses ${next}`), PATIENCE);
    expect(await sentBy('anna', 'a')).toBe('/chatgpt/responses token-default');
    expect(readFileSync(profile('work'), 'utf8')).toContain('rt-2');
    expect(readFileSync(join(credentials(), 'auth.json'), 'utf8')).toContain('rt-1');
    expect(readdirSync(join(profile('work'), '..'))).toContain('auth.json.refresh');
    expect(existsSync(join(credentials(), 'auth.json.refresh'))).toBe(false);
  }, 60_000);

  it('are chosen anew when the file changes; a broken one changes nothing, and none starts with it', async () => {
    store(profile('work'), key('sk-work'));
    choose({ tenants: { ben: 'work' } });
    await start({ OPENAI_API_KEY: 'sk-default' });
    choose({ tenants: { anna: 'work' } });
    expect(await sentBy('ben', 'a')).toBe('/api/responses sk-default');
    expect(await sentBy('anna', 'a')).toBe('/api/responses sk-work');
    for (const broken of ['{', '{"tenants": {"ben": "../../etc"}}', '{"tenant": {}}']) {
      choose(broken);
      expect(await sentBy('anna', 'a')).toBe('/api/responses sk-work');
    }
    expect(gateway.lines().filter((line) => line.includes('the choice of profiles stays'))).toHaveLength(3);
    expect(() => new ProfilesFile(choiceFile(), recordingLogger().logger)).toThrow(/^SIGN_IN_PROFILES_FILE cannot be used/);
  });

  it('are told to the others, with whose they are', async () => {
    const server = await startRedis();
    const redis = createRedis(server.url);
    choose({ tenants: { ben: 'work' } });
    await start({ OPENAI_API_KEY: 'sk-default', REDIS_URL: server.url });
    await eventually(async () => expect(await readHeartbeats(redis)).toMatchObject([{ signIn: { method: 'api_key' }, profiles: { choice: { tenants: { ben: 'work' } }, signIns: { work: { method: 'none' } } } }]));
    store(profile('work'), key('sk-work'));
    await eventually(async () => expect(await readHeartbeats(redis)).toMatchObject([{ profiles: { signIns: { work: { method: 'api_key' } } } }]));
    await gateway.stop();
    redis.disconnect();
    await server.stop();
  });
});
