import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, parseAccessToken } from '@codex-mcp/contracts';
import { temporaryDirectory } from '@codex-mcp/testing';
import { describe, expect, it } from '@jest/globals';
import { addLine, makeToken } from './client-token.js';

const NOW_MS = Date.UTC(2026, 10, 22);
const wish = { tenant: 'team-a', scopes: 'read,run' };

describe('a token for a client', () => {
  it('is known by its hash only, with what it may do, until when and whose it is', () => {
    const { token, line } = makeToken({ ...wish, expires: '90d', name: 'ada@laptop' }, NOW_MS);
    expect(token).toMatch(/^codexmcp_[A-Za-z0-9_-]{43}$/);
    expect(line).not.toContain(token);
    expect(parseAccessToken(line)).toEqual({ digest: digestOf(token), tenant: 'team-a', scopes: ['read', 'run'], expiresAtMs: Date.UTC(2027, 1, 20), name: 'ada@laptop' });
    expect(makeToken(wish, NOW_MS).token).not.toBe(makeToken(wish, NOW_MS).token);
  });

  it.each([
    ['12h', Date.UTC(2026, 10, 22, 12)],
    ['2w', Date.UTC(2026, 11, 6)],
    ['2027-01-31', Date.UTC(2027, 0, 31)],
    ['2027-01-31T10:00:00Z', Date.UTC(2027, 0, 31, 10)],
  ])('expires after or at %s', (expires, expiresAtMs) => {
    expect(parseAccessToken(makeToken({ ...wish, expires }, NOW_MS).line)).toMatchObject({ expiresAtMs });
  });

  it.each([
    { ...wish, tenant: '' },
    { ...wish, tenant: 'a b' },
    { ...wish, scopes: 'write' },
    { ...wish, scopes: '' },
    { ...wish, name: 'a b' },
    { ...wish, expires: 'soon' },
    { ...wish, expires: '0d' },
    { ...wish, expires: '2020-01-01' },
  ])('is refused for %j', (refused) => {
    expect(() => makeToken(refused, NOW_MS)).toThrow(/^(A token has --tenant|--expires)/);
  });

  it('is added to a file in place, on a line of its own', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'tokens');
    addLine(path, 'first');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { ino } = statSync(path);
    writeFileSync(path, '# ours');
    addLine(path, 'second');
    expect({ text: readFileSync(path, 'utf8'), ino: statSync(path).ino }).toEqual({ text: '# ours\nsecond\n', ino });
  });
});
