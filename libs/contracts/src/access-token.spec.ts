import { describe, expect, it } from '@jest/globals';
import { digestOf, formatAccessToken, parseAccessToken } from './access-token.js';

const digest = digestOf('token');

describe('a line of a tokens file', () => {
  it('may have the hash and the tenant only, and then reads and runs for ever', () => {
    expect(parseAccessToken(`${digest}\tteam-a `)).toEqual({ digest, tenant: 'team-a', scopes: ['read', 'run'] });
  });

  it('says what a token may do, until when, and whose it is, in any order', () => {
    const entry = { digest, tenant: 'team-a', scopes: ['admin'], expiresAtMs: Date.UTC(2027, 0, 31), name: 'ada@laptop' };
    expect(parseAccessToken(`${digest} team-a name=ada@laptop expires=2027-01-31 scopes=admin`)).toEqual(entry);
  });

  it('is read as it was written', () => {
    const entry = { digest, tenant: 't', scopes: ['read' as const, 'run' as const], expiresAtMs: 1_800_000_000_123, name: 'ci' };
    expect(parseAccessToken(formatAccessToken(entry))).toEqual(entry);
    expect(parseAccessToken(formatAccessToken({ digest, tenant: 't', scopes: ['read'] }))).toEqual({ digest, tenant: 't', scopes: ['read'] });
  });

  it.each([
    'token team',
    digest,
    `${digest.toUpperCase()} team`,
    `${digest} te/am`,
    `${digest} team scopes=`,
    `${digest} team scopes=read,write`,
    `${digest} team scopes=read scopes=run`,
    `${digest} team expires=soon`,
    `${digest} team expires=2027-13-45`,
    `${digest} team expires=1`,
    `${digest} team name=`,
    `${digest} team other=1`,
    `${digest} team extra`,
  ])('is none: %s', (line) => {
    expect(parseAccessToken(line)).toBeUndefined();
  });
});
