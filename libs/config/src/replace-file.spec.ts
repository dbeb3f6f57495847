import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { replaceFile } from './replace-file.js';

it('a file is replaced by another one, which its owner alone may read, and nothing is left beside it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'codex-mcp-replace-'));
  const file = join(directory, 'state.json');
  try {
    writeFileSync(file, 'former', { mode: 0o644 });
    const { ino } = statSync(file);
    replaceFile(file, 'now');
    expect(readFileSync(file, 'utf8')).toBe('now');
    expect(statSync(file).ino).not.toBe(ino);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['state.json']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
