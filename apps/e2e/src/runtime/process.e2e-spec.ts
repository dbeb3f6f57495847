import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { agentKey, LOCAL_TENANT } from '@codex-mcp/contracts';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { agentProcesses } from '../stack/agent-processes.js';
import { call, chat, directive, outputOf, runInAgent } from '../stack/calls.js';
import { API_KEY, type Stack, startStack } from '../stack/stack.fixture.js';
import { EDIT, PREPARE } from '../workspace/edits.fixture.js';
import { applyDiff, treeOf } from '../workspace/file-tree.js';

describe('agents as processes', () => {
  let stack: Stack;
  let client: Client;
  let scratch: TemporaryDirectory;
  let outside: string;

  beforeAll(async () => {
    // Not below /tmp, which Codex's sandbox leaves writable.
    outside = await mkdtemp('/var/tmp/codex-mcp-');
    [stack, scratch] = await Promise.all([startStack({ runtime: 'process' }), temporaryDirectory()]);
    client = await stack.httpClient('local');
  });
  beforeEach(() => stack.fake.reset());
  afterAll(async () => {
    await stack.stop();
    await scratch.remove();
    await rm(outside, { recursive: true });
  });

  const workspace = () => join(stack.dataDir, 'agents', agentKey(LOCAL_TENANT, 'local'), 'workspace');

  it('say what they are', async () => {
    expect(await chat(client, 'hello')).toBe('fake: hello');
    expect(await outputOf(client, 'get_my_session_info')).toMatchObject({ runtime: 'process', status: 'running', workspace: 'volume' });
    expect(await outputOf(client, 'health_check')).toMatchObject({ status: 'ok', runtime: 'process' });
    expect(stack.fake.responsesRequests()[0]?.headers.authorization).toBe(`Bearer ${API_KEY}`);
  });

  it('return the changes that are on disk', async () => {
    await runInAgent(client, PREPARE);
    const before = join(scratch.path, 'before');
    await cp(workspace(), before, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.git') });
    const answer = { summary: 's', explanation: 'e', integration_notes: [] };
    // Codex's own sandbox keeps the shell from the network, not from the workspace.
    const task = directive({ shell: EDIT.replace('; echo noise > ignored.log', '') }, { json: answer });
    const output = await outputOf(client, 'implement', { task, target_files: ['.'] });
    await applyDiff(before, (output['changes'] as { diff: string }).diff);
    expect(await treeOf(before)).toEqual(await treeOf(workspace()));
  });

  it('cannot write with a tool that only reads, nor outside of the workspace with one that writes', async () => {
    const before = await treeOf(workspace());
    const answer = { summary: 's', findings: [] };
    await outputOf(client, 'review', { content: directive({ shell: 'echo x > planted.txt; cat README planted.txt; ls /' }, { json: answer }) });
    expect(stack.fake.responsesRequests().at(-1)?.model.toolOutput).toMatch(/Read-only file system|Permission denied/);
    expect(await treeOf(workspace())).toEqual(before);
    expect(await runInAgent(client, `{ echo x > ${outside}/planted.txt; } 2>/dev/null || echo refused; echo fine > inside.txt; cat inside.txt`)).toBe('refused\nfine');
    expect(await treeOf(outside)).toEqual({});
  });

  it('are reviewed as a change that git finds, with the places of the findings checked', async () => {
    await runInAgent(client, 'echo to be reviewed > reviewed.txt');
    const finding = (file: string) => ({ severity: 'low', title: 't', explanation: 'e', recommendation: 'r', file, line: 1 });
    const rubric = directive({ json: { summary: 's', findings: [finding('reviewed.txt'), finding('invented.txt')] } });
    const found = [{ location: 'verified' }, { location: 'not_found' }];
    expect(await outputOf(client, 'review', { content: 'reviewed.txt', rubric })).toMatchObject({ findings: found });
    expect(await outputOf(client, 'review', { content: 'uncommitted', rubric })).toMatchObject({ reviewed: { files: expect.arrayContaining([expect.objectContaining({ path: 'reviewed.txt' })]) }, findings: found });
  });

  it('get nothing of the server’s environment', async () => {
    const seen = await runInAgent(client, 'env; cat /proc/self/environ | tr "\\0" "\\n"');
    expect(seen).not.toMatch(/OPENAI_API_KEY|REDIS_URL|DEPLOYMENT|sk-fake/);
    expect(seen).toMatch(/^HOME=/m);
    const codex = await agentProcesses(stack.dataDir);
    expect(codex).not.toEqual([]);
    for (const { line } of codex) expect(line).not.toMatch(/OPENAI_API_KEY|REDIS_URL|DEPLOYMENT|sk-fake/);
  });

  it('end their command when the caller cancels', async () => {
    const stop = new AbortController();
    const heard: string[] = [];
    const command = `sleep ${4000 + process.pid / 1e6}`;
    const isRunning = async () => (await promisify(execFile)('ps', ['-eo', 'args='])).stdout.includes(command);
    const onprogress = ({ message = '' }) => void heard.push(message);
    const cancelled = call(client, 'chat', { write: true, message: directive({ shell: command }) }, { signal: stop.signal, onprogress }).catch((error: unknown) => error);
    await eventually(() => expect(heard).toContainEqual(expect.stringMatching(/^running: .*sleep 4/)));
    await eventually(isRunning);
    stop.abort();
    expect(await cancelled).toBeInstanceOf(Error);
    await eventually(async () => expect(await isRunning()).toBe(false));
    expect(await chat(client, 'and now?')).toBe('fake: and now?');
  });

  it('keep conversation and files over a restart of everything', async () => {
    await chat(client, 'the cat is called Mimosa');
    const { thread_id } = await outputOf(client, 'get_my_session_info');
    await stack.restart();
    client = await stack.sseClient('local');
    expect(await runInAgent(client, 'cat inside.txt')).toContain('fine');
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('the cat is called Mimosa');
    expect(await outputOf(client, 'get_my_session_info')).toMatchObject({ thread_id });
  });

  it('end with the server', async () => {
    expect(await agentProcesses(stack.dataDir)).not.toEqual([]);
    await stack.shutDown();
    expect(await agentProcesses(stack.dataDir)).toEqual([]);
  });
});
