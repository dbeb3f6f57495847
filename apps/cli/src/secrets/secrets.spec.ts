import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Envelopes } from '@codex-mcp/messaging';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { secrets } from './secrets.command.js';

let directory: TemporaryDirectory;
beforeEach(async () => (directory = await temporaryDirectory()));
afterEach(() => directory.remove());

async function contents(): Promise<Record<string, string>> {
  const entries = await readdir(directory.path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file.slice(directory.path.length + 1), await readFile(file, 'utf8')] as const)));
}

/** Whether what edges sign is believed by workers. */
function isBelieved(): boolean {
  const [edge, worker] = (['mcp-edge', 'worker'] as const).map((name) => Envelopes.from(join(directory.path, name, 'keys'), name));
  return worker?.flaw('turn', edge?.seal('turn', { a: 1 }, 60_000), ['mcp-edge']) === undefined;
}

describe('secrets', () => {
  it('gives each service a password of its own and the key that it signs with, for its owner only', async () => {
    expect(secrets(directory.path)).toBe(0);
    const made = await contents();
    const signer = (name: string) => [`${name}/keys/mcp-edge.pub`, `${name}/keys/supervisor.pub`, `${name}/keys/worker.pub`, `${name}/keys/${name}.key`, `${name}/redis-password`];
    expect(Object.keys(made).toSorted()).toEqual([...['mcp-edge', 'worker', 'supervisor'].flatMap(signer), 'gateway/redis-password', 'redis/redis-password', 'redis/users.acl'].toSorted());
    const passwords = Object.entries(made).filter(([file]) => file.endsWith('redis-password')).map(([, password]) => password);
    expect(new Set(passwords).size).toBe(5);
    for (const password of passwords) expect(made['redis/users.acl']).not.toContain(password);
    expect((await stat(join(directory.path, 'worker/keys/worker.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory.path, 'worker/redis-password'))).mode & 0o777).toBe(0o600);
    expect(isBelieved()).toBe(true);
  });

  it('keeps what exists, and writes the rules of this version', async () => {
    secrets(directory.path);
    const made = await contents();
    await writeFile(join(directory.path, 'redis/users.acl'), 'user worker on nopass +@all ~*\n');
    secrets(directory.path);
    expect(await contents()).toEqual(made);
  });

  it('makes what one service has lost, and tells the others', async () => {
    secrets(directory.path);
    const before = await contents();
    await rm(join(directory.path, 'mcp-edge'), { recursive: true });
    secrets(directory.path);
    const after = await contents();
    expect(after['worker/keys/worker.key']).toBe(before['worker/keys/worker.key']);
    expect(after['worker/keys/mcp-edge.pub']).not.toBe(before['worker/keys/mcp-edge.pub']);
    expect(isBelieved()).toBe(true);
  });
});
