import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { createLogger } from '../logger.js';
import { AuditLog } from './audit-log.js';

let directory: string;
let logged: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-'));
  logged = [];
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const open = (config: { AUDIT_DIR?: string | undefined; AUDIT_MAX_SIZE?: number; AUDIT_KEEP?: number } = {}) =>
  new AuditLog({ AUDIT_DIR: directory, AUDIT_MAX_SIZE: 1_000_000, AUDIT_KEEP: 10, ...config }, { service: 'mcp-edge', instance: 'one' }, createLogger('mcp-edge', 'info', { write: (line: string) => logged.push(line) }), new Registry());

const path = () => join(directory, 'mcp-edge.jsonl');
const refusalsPath = () => join(directory, 'mcp-edge-refusals.jsonl');
const entries = async (file = path()) => (await readFile(file, 'utf8')).trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
const call = (turnId: string) => ({ action: 'tool.call', outcome: 'ok', turnId }) as const;
const refusal = (attempt: number) => ({ action: 'request.refused', outcome: 'refused', detail: { attempt } }) as const;
const attempts = async () => (await entries(refusalsPath())).map(({ detail }) => (detail as { attempt?: number } | undefined)?.attempt);

describe('the audit log', () => {
  it('keeps who did what, for its owner only', async () => {
    const audit = open();
    audit.record({ action: 'tool.call', outcome: 'ok', tenant: 'ada', principal: 'f'.repeat(64), agentId: 'one', turnId: 'turn_1', correlationId: 'c0ffee', detail: { tool: 'chat', durationMs: 3, none: undefined } });
    await audit.close();
    expect(await entries()).toEqual([
      { at: expect.stringMatching(/^\d{4}-.*Z$/), service: 'mcp-edge', instance: 'one', action: 'tool.call', outcome: 'ok', tenant: 'ada', principal: 'f'.repeat(16), agentId: 'one', turnId: 'turn_1', correlationId: 'c0ffee', detail: { tool: 'chat', durationMs: 3 } },
    ]);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it('blots out what looks like a secret, and cuts what is long', async () => {
    const audit = open();
    const jwt = `eyJhbGciOiJIUzI1NiJ9.${'a'.repeat(40)}.${'b'.repeat(20)}`;
    audit.record({ action: 'git.request', outcome: 'failed', detail: { url: 'https://user:canary1@git.example.org/x', header: `Bearer ${jwt}`, key: 'key sk-proj-canary2canary2', token: 'canary3', text: `${'x'.repeat(290)} ghp_canary4canary4canary4` } });
    await audit.close();
    const text = await readFile(path(), 'utf8');
    expect(text).not.toMatch(/canary|eyJ/);
    expect(text).toContain('https://[secret]@git.example.org/x');
  });

  it('appends to what an earlier process left, also where that died within a line', async () => {
    await writeFile(path(), '{"at":"2026-01-01T00:00:00.000Z"}\n{"at":"2026-01', { mode: 0o600 });
    const audit = open();
    audit.record(call('turn_1'));
    await audit.close();
    const lines = (await readFile(path(), 'utf8')).split('\n');
    expect([lines[0], lines[1], JSON.parse(lines[2] ?? '')]).toMatchObject(['{"at":"2026-01-01T00:00:00.000Z"}', '{"at":"2026-01', { turnId: 'turn_1' }]);
  });

  it('puts a full file aside and keeps so many', async () => {
    const audit = open({ AUDIT_MAX_SIZE: 400, AUDIT_KEEP: 2 });
    for (let round = 0; round < 6; round++) {
      audit.record(call(`turn_${round}`));
      audit.record(call(`turn_${round}b`));
      await audit.flush();
    }
    await audit.close();
    const files = (await readdir(directory)).filter((file) => !file.includes('refusals')).toSorted();
    expect(files).toHaveLength(3);
    const kept = await Promise.all(files.map((file) => entries(join(directory, file))));
    expect(new Set(kept.flat().map(({ turnId }) => turnId))).toEqual(new Set(['turn_3', 'turn_3b', 'turn_4', 'turn_4b', 'turn_5', 'turn_5b']));
  });

  it('lets several processes write to one file, also while one of them puts it aside', async () => {
    const [one, other] = [open({ AUDIT_MAX_SIZE: 2000, AUDIT_KEEP: 100 }), open({ AUDIT_MAX_SIZE: 2000, AUDIT_KEEP: 100 })];
    for (let round = 0; round < 20; round++) {
      one.record(call(`one_${round}`));
      other.record(call(`other_${round}`));
      await Promise.all([one.flush(), other.flush()]);
    }
    await Promise.all([one.close(), other.close()]);
    const all = await Promise.all((await readdir(directory)).map((file) => entries(join(directory, file))));
    expect(new Set(all.flat().map(({ turnId }) => turnId)).size).toBe(40);
  });

  it('goes on in a new file where somebody has taken the present one away', async () => {
    const audit = open();
    audit.record(call('turn_1'));
    await audit.flush();
    await rename(path(), join(directory, 'elsewhere'));
    audit.record(call('turn_2'));
    await audit.close();
    expect((await entries()).map(({ turnId }) => turnId)).toEqual(['turn_2']);
  });

  it('lists so many refusals of a kind in a second, and counts the rest', async () => {
    const audit = open();
    for (let attempt = 0; attempt < 500; attempt++) audit.record({ action: 'request.refused', outcome: 'refused' });
    audit.record(call('turn_1'));
    await audit.close();
    const all = await entries(refusalsPath());
    const listed = all.filter(({ action, detail }) => action === 'request.refused' && detail === undefined).length;
    const further = all.reduce((sum, { detail }) => sum + ((detail as { further?: number } | undefined)?.further ?? 0), 0);
    expect(listed + further).toBe(500);
    expect(listed).toBeLessThan(500);
    expect((await entries()).map(({ action }) => action)).toEqual(['tool.call']);
  });

  it('keeps a sign-in, whatever number of refusals comes after it: they put only their own file aside', async () => {
    const audit = open({ AUDIT_MAX_SIZE: 400, AUDIT_KEEP: 2 });
    audit.record({ action: 'sign_in.changed', outcome: 'ok' });
    for (let attempt = 0; attempt < 40; attempt++) {
      audit.record(refusal(attempt));
      await audit.flush();
    }
    audit.record(call('turn_1'));
    await audit.close();
    expect((await entries()).map(({ action }) => action)).toEqual(['sign_in.changed', 'tool.call']);
    const files = await readdir(directory);
    expect([files.length, files.filter((file) => file.startsWith('mcp-edge-refusals')).length]).toEqual([4, 3]);
    expect((await attempts()).at(-1)).toBe(39);
    expect((await stat(refusalsPath())).mode & 0o777).toBe(0o600);
  });
});

describe('an audit log that cannot be written', () => {
  it('is refused at the start', async () => {
    await writeFile(path(), '');
    expect(() => open({ AUDIT_DIR: join(path(), 'audit') })).toThrow(/AUDIT_DIR .* cannot be written to \(ENOTDIR\)/);
  });

  it('is said, keeps what comes, and catches up', async () => {
    const audit = open();
    await rm(directory, { recursive: true });
    audit.record(call('turn_1'));
    await audit.flush();
    expect(audit.problem).toMatch(/audit log of the mcp-edge cannot be written \(ENOENT\)/);
    expect(logged.join('')).toContain('audit.failing');
    audit.record(call('turn_2'));
    await mkdir(directory);
    await audit.flush();
    expect(audit.problem).toBeUndefined();
    await audit.close();
    expect((await entries()).map(({ turnId }) => turnId)).toEqual(['turn_1', 'turn_2']);
  });

  it('has the disk full, and goes on when it no longer is', async () => {
    await symlink('/dev/full', path());
    const audit = open();
    audit.record(call('turn_1'));
    await audit.flush();
    expect(audit.problem).toContain('ENOSPC');
    await unlink(path());
    await audit.close();
    expect((await entries()).map(({ turnId }) => turnId)).toEqual(['turn_1']);
  });

  it('says so of refusals too, which keep their order, and nothing else from being written', async () => {
    await symlink('/dev/full', refusalsPath());
    const audit = open();
    audit.record(refusal(1));
    audit.record(call('turn_1'));
    await audit.flush();
    audit.record(refusal(2));
    audit.record(call('turn_2'));
    await audit.flush();
    expect(audit.problem).toContain('ENOSPC');
    expect((await entries()).map(({ turnId }) => turnId)).toEqual(['turn_1', 'turn_2']);
    await unlink(refusalsPath());
    await audit.flush();
    expect(audit.problem).toBeUndefined();
    audit.record(refusal(3));
    await audit.close();
    expect(await attempts()).toEqual([1, 2, 3]);
  });

  it('hands what it cannot keep to the ordinary log', async () => {
    const audit = open();
    await rm(directory, { recursive: true });
    audit.record(call('turn_1'));
    audit.record(refusal(7));
    await audit.close();
    for (const lost of ['turn_1', 'attempt']) expect(logged.filter((line) => line.includes('audit.unwritten') && line.includes(lost))).toHaveLength(1);
  });

  it('is off without a directory', async () => {
    const audit = open({ AUDIT_DIR: undefined });
    audit.record(call('turn_1'));
    await audit.close();
    expect(await readdir(directory)).toEqual([]);
  });
});
