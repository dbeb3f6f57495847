import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { storeAuthFile, tokenDigest } from '@codex-mcp/credentials';
import { type FakeModel, startFakeModel, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { startUpstream } from '../gateway.fixture.js';
import { refreshAuthFile } from './refresh-auth-file.js';

jest.setTimeout(60_000);

const OLD = 'old-access-token';
const REFRESH = 'rt-old';

let home: TemporaryDirectory;
let issuer: FakeModel;
let file: string;
beforeEach(async () => {
  home = await temporaryDirectory();
  issuer = await startFakeModel();
  file = join(home.path, 'auth.json');
  writeFileSync(file, content(OLD, REFRESH), { mode: 0o600 });
});
afterEach(async () => {
  await issuer.close();
  await home.remove();
});

const content = (access: string, refresh: string) =>
  JSON.stringify({ auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens: { id_token: 'id', access_token: access, refresh_token: refresh, account_id: 'acc', login_owner_id: 'mine' }, last_refresh: '2020-01-01T00:00:00Z', later: { kept: true } });
const refresh = (accessToken = OLD) => refreshAuthFile({ file, accessToken: tokenDigest(accessToken), tokenUrl: `${issuer.url}/oauth/token` });
const read = () => JSON.parse(readFileSync(file, 'utf8'));
const left = () => readdirSync(`${file}.refresh`).filter((name) => !name.startsWith('lock.'));

describe('a refresh', () => {
  it('puts the new tokens in the file and keeps what else is in it', async () => {
    expect(await refresh()).toEqual({ outcome: 'renewed', by: 'refresh' });
    expect(issuer.requests.map(({ body }) => body)).toEqual([{ client_id: 'app_EMoamEEZ73f0CkXaXp7hrann', grant_type: 'refresh_token', refresh_token: REFRESH }]);
    const { tokens, last_refresh: lastRefresh, ...rest } = read();
    expect(rest).toEqual({ auth_mode: 'chatgpt', OPENAI_API_KEY: null, later: { kept: true } });
    expect(tokens).toEqual({ id_token: expect.stringMatching(/^ey/), access_token: expect.stringMatching(/^ey/), refresh_token: expect.stringMatching(/^rt_fake_/), account_id: 'acc', login_owner_id: 'mine' });
    expect(Date.parse(lastRefresh)).toBeGreaterThan(Date.parse('2026-01-01'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(left()).toEqual([]);
  });

  it('uses what another process has got, also of many at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => refresh()));
    expect(outcomes.filter((outcome) => 'by' in outcome && outcome.by === 'another')).toHaveLength(4);
    expect(issuer.requests).toHaveLength(1);
  });

  it('goes to the issuer and the client of the tokens', async () => {
    writeFileSync(file, JSON.stringify({ tokens: { access_token: OLD, refresh_token: REFRESH, oauth_provenance: { issuer: issuer.url, client_id: 'app-of-the-file' } } }));
    expect(await refreshAuthFile({ file, accessToken: tokenDigest(OLD) })).toEqual({ outcome: 'renewed', by: 'refresh' });
    expect(issuer.requests.map(({ body }) => body)).toEqual([expect.objectContaining({ client_id: 'app-of-the-file' })]);
  });
});

describe('a refresh that does not succeed', () => {
  it.each([
    [401, { error: { code: 'refresh_token_reused', message: 'canary' } }, 'refresh_token_reused'],
    [400, { error: 'invalid_grant', error_description: 'canary' }, 'invalid_grant'],
  ])('is final where the token is refused (%s): no further request until there is another sign-in', async (status, body, reason) => {
    issuer.answerTokenRequests({ status, body });
    for (let times = 0; times < 3; times += 1) expect(await refresh()).toEqual({ outcome: 'refused', reason });
    expect(issuer.requests).toHaveLength(1);
    issuer.answerTokenRequests(undefined);
    await storeAuthFile(file, content('another', 'rt-another'));
    expect(await refresh('another')).toEqual({ outcome: 'renewed', by: 'refresh' });
  });

  it.each([[500, {}], [429, {}], [403, '<html>'], [200, { access_token: '' }]])('can be tried again after %s and changes nothing', async (status, body) => {
    issuer.answerTokenRequests({ status, body });
    expect(await refresh()).toEqual({ outcome: 'failed', reason: expect.stringContaining(`127.0.0.1:${issuer.port} answered`) });
    expect(readFileSync(file, 'utf8')).toBe(content(OLD, REFRESH));
    issuer.answerTokenRequests(undefined);
    expect(await refresh()).toMatchObject({ outcome: 'renewed' });
  });

  it('can be tried again when the issuer was away', async () => {
    await issuer.close();
    expect(await refresh()).toEqual({ outcome: 'failed', reason: expect.stringContaining('cannot be reached (ECONNREFUSED)') });
    expect(readFileSync(file, 'utf8')).toBe(content(OLD, REFRESH));
  });

  it('spends no token that it could not save', async () => {
    mkdirSync(join(`${file}.refresh`, `next-${tokenDigest(REFRESH)}.json`), { recursive: true });
    expect(await refresh()).toEqual({ outcome: 'failed', reason: expect.stringContaining('cannot be written (EISDIR)') });
    expect(issuer.requests).toEqual([]);
  });
});

describe('after a crash', () => {
  const leave = (text: string) => {
    mkdirSync(`${file}.refresh`);
    writeFileSync(join(`${file}.refresh`, `next-${tokenDigest(REFRESH)}.json`), text);
  };

  it('the tokens that were complete on disk are used, and the spent one is not sent again', async () => {
    leave(content('next', 'rt-next'));
    expect(await refresh()).toEqual({ outcome: 'renewed', by: 'recovery' });
    expect(read().tokens).toMatchObject({ access_token: 'next', refresh_token: 'rt-next' });
    expect(issuer.requests).toEqual([]);
  });

  it.each(['', '\0\0\0\0', '{"tokens": {"access_tok'])('what was not complete is ignored: %j', async (text) => {
    leave(text);
    expect(await refresh()).toEqual({ outcome: 'renewed', by: 'refresh' });
    expect(left()).toEqual([]);
  });
});

describe('Codex’s own CLI, which takes no lock', () => {
  it('wins with what it signs in during a refresh', async () => {
    const signedIn = content('theirs', 'rt-theirs');
    const slow = await startUpstream((_request, response) => {
      writeFileSync(file, signedIn);
      response.end(JSON.stringify({ access_token: 'ours', refresh_token: 'rt-ours' }));
    });
    expect(await refreshAuthFile({ file, accessToken: tokenDigest(OLD), tokenUrl: slow.url })).toEqual({ outcome: 'renewed', by: 'another' });
    slow.close();
    expect(readFileSync(file, 'utf8')).toBe(signedIn);
    expect(left()).toEqual([]);
  });
});
