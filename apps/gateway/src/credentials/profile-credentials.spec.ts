import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { gatewayConfig, jwt, recordingLogger } from '../gateway.fixture.js';
import { ProfileCredentials } from './profile-credentials.js';

const HOUR_S = 3600;
const nowS = () => Math.floor(Date.now() / 1000);
const chatgptFile = (token: string, more = {}) => ({ auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens: { access_token: token, account_id: 'acc-file', ...more } });
const apiKeyFile = { auth_mode: 'apikey', OPENAI_API_KEY: 'sk-file' };

let home: TemporaryDirectory;
beforeEach(async () => {
  home = await temporaryDirectory();
});
afterEach(() => home.remove());

function writeAuth(content: unknown, mode = 0o600, directory = '.codex'): void {
  mkdirSync(join(home.path, directory), { recursive: true });
  const file = join(home.path, directory, 'auth.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content), { mode });
  chmodSync(file, mode);
}

function service(env: Record<string, string> = {}) {
  const { logger, lines } = recordingLogger();
  return { credentials: new ProfileCredentials(gatewayConfig({ HOME: home.path, ...env }), logger, { record: () => undefined }), lines };
}

describe('which credentials are used', () => {
  const valid = jwt({ exp: nowS() + HOUR_S });
  const both = { OPENAI_API_KEY: 'sk-env', CHATGPT_OAUTH_TOKEN: 'token-env' };
  const file = '~/.codex/auth.json';
  const matrix: [string, unknown, Record<string, string>, string, string | undefined][] = [
    ['ChatGPT in auth.json before everything', chatgptFile(valid), both, 'chatgpt', file],
    ['a token of the environment before an API key', undefined, both, 'chatgpt', 'CHATGPT_OAUTH_TOKEN'],
    ['an API key where there is no ChatGPT', undefined, { OPENAI_API_KEY: 'sk-env' }, 'api_key', 'OPENAI_API_KEY'],
    ['an API key in auth.json', apiKeyFile, {}, 'api_key', file],
    ['an API key of the environment before one in auth.json', apiKeyFile, { OPENAI_API_KEY: 'sk-env' }, 'api_key', 'OPENAI_API_KEY'],
    ['the API key with CODEX_PREFER_OAUTH=false', chatgptFile(valid), { ...both, CODEX_PREFER_OAUTH: 'false' }, 'api_key', 'OPENAI_API_KEY'],
    ['ChatGPT with CODEX_PREFER_OAUTH=false and no key', chatgptFile(valid), { CODEX_PREFER_OAUTH: 'false' }, 'chatgpt', file],
    ['the API key with CODEX_AUTH_METHOD=api_key', chatgptFile(valid), { ...both, CODEX_AUTH_METHOD: 'api_key' }, 'api_key', 'OPENAI_API_KEY'],
    ['ChatGPT with CODEX_AUTH_METHOD=oauth', chatgptFile(valid), { ...both, CODEX_AUTH_METHOD: 'oauth', CODEX_PREFER_OAUTH: 'false' }, 'chatgpt', file],
    ['nothing with CODEX_AUTH_METHOD=oauth and only a key', apiKeyFile, { OPENAI_API_KEY: 'sk-env', CODEX_AUTH_METHOD: 'oauth' }, 'none', undefined],
    ['nothing with CODEX_AUTH_METHOD=api_key and only ChatGPT', chatgptFile(valid), { CODEX_AUTH_METHOD: 'api_key' }, 'none', undefined],
    ['nothing where there is nothing', undefined, {}, 'none', undefined],
    ['tokens of an auth.json without auth_mode', { tokens: { access_token: valid } }, both, 'chatgpt', file],
    ['the environment’s token where the one in auth.json has expired', chatgptFile(jwt({ exp: nowS() - 1 })), both, 'chatgpt', 'CHATGPT_OAUTH_TOKEN'],
  ];
  it.each(matrix)('%s', (_name, auth, variables, method, source) => {
    if (auth !== undefined) writeAuth(auth);
    expect(service(variables).credentials.current().signIn).toMatchObject(source === undefined ? { method } : { method, source });
  });

  it('looks in CODEX_HOME, CODEX_AUTH_DIR, OAUTH_TOKEN_STORAGE_PATH and USERPROFILE', () => {
    for (const directory of ['codex-home', 'auth-dir', 'elsewhere', 'profile/.codex']) writeAuth(apiKeyFile, 0o600, directory);
    const sourceWith = (more: Record<string, string>) => service(more).credentials.current().signIn.source;
    const variables = { CODEX_HOME: join(home.path, 'codex-home') };
    expect(sourceWith({ USERPROFILE: join(home.path, 'profile') })).toBe('~/profile/.codex/auth.json');
    expect(sourceWith(variables)).toBe('~/codex-home/auth.json');
    expect(sourceWith({ ...variables, CODEX_AUTH_DIR: '~/auth-dir' })).toBe('~/auth-dir/auth.json');
    expect(sourceWith({ ...variables, CODEX_AUTH_DIR: '~/auth-dir', OAUTH_TOKEN_STORAGE_PATH: '~/elsewhere/auth.json' })).toBe('~/elsewhere/auth.json');
  });
});

describe('the account of a ChatGPT token', () => {
  it('is the one in auth.json, else the token’s claim', () => {
    const token = jwt({ 'https://api.openai.com/auth': { chatgpt_account_id: 'acc-claim', chatgpt_account_is_fedramp: true } });
    writeAuth(chatgptFile(token));
    expect(service().credentials.current().credential).toMatchObject({ accountId: 'acc-file', fedramp: true });
    writeAuth(chatgptFile(token, { account_id: undefined }));
    expect(service().credentials.current().credential).toMatchObject({ accountId: 'acc-claim' });
  });
});

describe('a sign-in that cannot be used', () => {
  it('is reported when expired, and not replaced by the API key, which is billed separately', () => {
    writeAuth(chatgptFile(jwt({ exp: nowS() - 1 })));
    const state = service({ OPENAI_API_KEY: 'sk-env' }).credentials.current();
    expect(state.credential).toBeUndefined();
    expect(state.signIn).toMatchObject({ method: 'none', source: '~/.codex/auth.json' });
    expect(state.signIn.problem).toMatch(/expired.*codex login.*CODEX_AUTH_METHOD=api_key/);
  });

  it.each([['{"tokens": {"access_tok', 'is not valid JSON'], ['{"tokens": 7}', 'is not an auth.json']])('names the file that is broken: %s', (text, reason) => {
    writeAuth(text);
    expect(service().credentials.current().signIn).toEqual({ method: 'none', source: '~/.codex/auth.json', problem: expect.stringContaining(`~/.codex/auth.json ${reason}`) });
  });

  it('says where a sign-in is expected', () => {
    expect(service().credentials.current().signIn.problem).toMatch(/codex login.*~\/\.codex\/auth\.json.*OPENAI_API_KEY/);
  });
});

describe('a change on the host', () => {
  it('is picked up without a restart and announced once', () => {
    const { credentials } = service();
    let changes = 0;
    credentials.onChange(() => (changes += 1));
    expect(credentials.current().signIn.method).toBe('none');
    writeAuth(chatgptFile(jwt({ exp: nowS() + HOUR_S })));
    expect(credentials.current().signIn.method).toBe('chatgpt');
    expect(credentials.current().signIn.method).toBe('chatgpt');
    writeAuth(apiKeyFile);
    expect(credentials.current().credential).toMatchObject({ method: 'api_key' });
    expect(changes).toBe(3);
  });

  it('warns of a file that others can read, and never logs a value', () => {
    writeAuth({ ...apiKeyFile, OPENAI_API_KEY: 'sk-canary' }, 0o644);
    const { credentials, lines } = service();
    credentials.current();
    credentials.current();
    expect(lines().filter((line) => line.includes('chmod 600'))).toHaveLength(1);
    expect(lines().join('\n')).not.toContain('canary');
  });
});
