import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { removeAuthFile, storeAuthFile } from './auth-file.store.js';

let home: TemporaryDirectory;
let file: string;
beforeEach(async () => {
  home = await temporaryDirectory();
  file = join(home.path, 'credentials', 'auth.json');
});
afterEach(() => home.remove());

const secretsLeft = () => readdirSync(`${file}.refresh`).filter((name) => !name.startsWith('lock.'));

describe('a stored sign-in', () => {
  it('is readable for its owner only, in a directory that is, and replaces the one before', async () => {
    await storeAuthFile(file, 'one');
    await storeAuthFile(file, 'two');
    expect(readFileSync(file, 'utf8')).toBe('two');
    expect([file, join(file, '..'), `${file}.refresh`].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o700, 0o700]);
  });

  it('leaves nothing of refreshes before it, nor does its removal', async () => {
    mkdirSync(`${file}.refresh`, { recursive: true });
    const leave = () => ['next-a.json', 'refused-a.json'].forEach((name) => writeFileSync(join(`${file}.refresh`, name), '{}'));
    leave();
    await storeAuthFile(file, 'one');
    expect(secretsLeft()).toEqual([]);
    leave();
    await removeAuthFile(file);
    expect([existsSync(file), secretsLeft()]).toEqual([false, []]);
  });
});
