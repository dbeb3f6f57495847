import { AppError } from '@codex-mcp/contracts';
import { makeSigningKey, nowS, type SigningKey, TokenIssuer } from '@codex-mcp/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type JWTPayload, SignJWT } from 'jose';
import { Unauthenticated } from '../unauthenticated.js';
import { IssuerKeys } from './issuer-keys.js';
import { OAuthTokens } from './oauth-tokens.js';

const AUDIENCE = 'https://codex.example.org/mcp';

let issuer: TokenIssuer;
let first: SigningKey;
let tokens: OAuthTokens;

beforeEach(async () => {
  issuer = new TokenIssuer();
  first = await makeSigningKey('first');
  issuer.keys = [first];
  await issuer.start();
  tokens = accepting();
});
afterEach(() => issuer.goAway());

const accepting = (tenantClaim = 'sub') => new OAuthTokens({ issuer: issuer.url, publicUrl: 'https://codex.example.org', audiences: [AUDIENCE], algorithms: ['ES256'], tenantClaim }, new IssuerKeys(issuer.url, 0));

const sign = (claims: JWTPayload = {}, key: SigningKey = first) => issuer.sign({ aud: AUDIENCE, scope: 'openid read run', client_id: 'c', ...claims }, key);

describe('a token of the issuer', () => {
  it('says whose it is, what it may do and how long', async () => {
    const exp = nowS() + 90;
    const principal = await tokens.identify(await sign({ exp }));
    expect(principal).toEqual({ tenant: expect.stringMatching(/^oauth-[0-9a-f]{32}$/), id: expect.stringMatching(/^oauth-[0-9a-f]{64}$/), scopes: new Set(['read', 'run']), expiresAtMs: exp * 1000, mayAskForMore: true });
    expect(await tokens.identify(await sign({ exp: exp + 60, scope: 'read' }))).toMatchObject({ id: principal.id, tenant: principal.tenant, scopes: new Set(['read']) });
  });

  it.each([
    ['as a list', { scope: undefined, scp: ['admin', 'other'] }, ['admin']],
    ['none of ours', { scope: 'openid readrun' }, []],
    ['none at all', { scope: undefined }, []],
  ])('has scopes %s', async (_, claims, scopes) => {
    expect((await tokens.identify(await sign(claims))).scopes).toEqual(new Set(scopes));
  });

  it('is another tenant for another subject, claim or issuer, and another principal for another client', async () => {
    const [alice, bob, other] = await Promise.all([sign(), sign({ sub: 'bob' }), sign({ client_id: 'd' })].map(async (token) => tokens.identify(await token)));
    const byOrganisation = await accepting('org').identify(await sign({ org: 'alice' }));
    expect(new Set([alice?.tenant, bob?.tenant, byOrganisation.tenant]).size).toBe(3);
    expect(other?.tenant).toBe(alice?.tenant);
    expect(other?.id).not.toBe(alice?.id);
    const elsewhere = new TokenIssuer();
    elsewhere.keys = [first];
    await elsewhere.start();
    const there = new OAuthTokens({ issuer: elsewhere.url, publicUrl: 'https://codex.example.org', audiences: [AUDIENCE], algorithms: ['ES256'], tenantClaim: 'sub' });
    expect((await there.identify(await sign({ iss: elsewhere.url }))).tenant).not.toBe(alice?.tenant);
    await elsewhere.goAway();
  });
});

describe('a token is refused', () => {
  it.each<[string, JWTPayload]>([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another server', { aud: 'https://other.example' }],
    ['for nobody', { aud: undefined }],
    ['that has expired', { exp: 1 }],
    ['that does not expire', { exp: undefined }],
    ['that is not valid yet', { nbf: 4_000_000_000 }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is no text', { sub: ['alice'] as unknown as string }],
    ['with a subject beyond measure', { sub: 'x'.repeat(600) }],
  ])('%s', async (_, claims) => {
    await expect(tokens.identify(await sign(claims))).rejects.toThrow(Unauthenticated);
  });

  it('that is signed with another key under the name of a known one, or a key of its own', async () => {
    await expect(tokens.identify(await sign({}, await makeSigningKey('first')))).rejects.toThrow('The token is not valid');
    const own = await makeSigningKey('own');
    const inHeader = new SignJWT({ iss: issuer.url, aud: AUDIENCE, sub: 'alice', exp: nowS() + 60 }).setProtectedHeader({ alg: 'ES256', kid: 'own', jwk: own.jwk, jku: 'http://127.0.0.1:1/' });
    await expect(tokens.identify(await inHeader.sign(own.privateKey))).rejects.toThrow('The token is not valid');
  });

  it('that is not signed, signed with a secret, or by an algorithm that is not wanted', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'alice', exp: nowS() + 60 };
    await expect(tokens.identify(`${part({ alg: 'none' })}.${part(claims)}.`)).rejects.toThrow(Unauthenticated);
    const secret = new TextEncoder().encode(JSON.stringify(first.jwk));
    await expect(tokens.identify(await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'first' }).sign(secret))).rejects.toThrow(Unauthenticated);
    const rsa = await makeSigningKey('rsa', 'RS256');
    issuer.keys = [rsa];
    await expect(tokens.identify(await sign({}, rsa))).rejects.toThrow(Unauthenticated);
  });
});

describe('keys of the issuer', () => {
  it('may be replaced', async () => {
    await tokens.identify(await sign());
    const second = await makeSigningKey('second');
    issuer.keys = [second];
    await expect(tokens.identify(await sign({}, second))).resolves.toMatchObject({ mayAskForMore: true });
    await expect(tokens.identify(await sign())).rejects.toThrow(Unauthenticated);
  });

  it('go on while it is away; what it would have to be asked for waits for it', async () => {
    const second = await makeSigningKey('second');
    await tokens.identify(await sign());
    await issuer.goAway();
    await expect(tokens.identify(await sign())).resolves.toMatchObject({ mayAskForMore: true });
    await expect(tokens.identify(await sign({}, second))).rejects.toMatchObject({ code: 'service_unavailable', httpStatus: 503 });
    issuer.keys = [second];
    await issuer.start();
    await expect(tokens.identify(await sign({}, second))).resolves.toMatchObject({ mayAskForMore: true });
  });

  it('are asked for again where it was away at first, and once by many at a time', async () => {
    const token = await sign();
    await issuer.goAway();
    await expect(tokens.identify(token)).rejects.toThrow(AppError);
    await issuer.start();
    await Promise.all(Array.from({ length: 20 }, () => tokens.identify(token)));
    expect(issuer.asked).toBe(2); // discovery and keys
  });
});
