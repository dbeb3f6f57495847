import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { chat, directive, errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

/** Slowly enough to be stopped near the limit on a slow machine. */
const FILL = 'i=0; while :; do i=$((i+1)); head -c 4M /dev/zero > fill-$i || exit; sleep 0.05; done';

describeWithDocker('the disk of an agent', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ env: { WORKSPACE_MAX_BYTES: '60m' } });
    client = await stack.httpClient('filler');
    await chat(client, 'hello');
  });
  afterAll(() => stack.stop());

  const fill = () => errorOf(client, 'chat', { write: true, message: directive({ shell: FILL }), timeout_s: 120 });

  it('has a limit for each file', async () => {
    // Where it counts for no other limit.
    expect(await runInAgent(client, 'head -c 63M /dev/zero > /tmp/one; stat -c %s /tmp/one; rm /tmp/one')).toMatch(/^62914560$/m);
  });

  it('has a limit for all: the turn is stopped and says why, the next one may make room', async () => {
    expect(await fill()).toMatchObject({ code: 'workspace_full', message: expect.stringMatching(/more than the 60 MB of WORKSPACE_MAX_BYTES\. The agent was stopped, and with it its turn/) });
    expect(await runInAgent(client, 'rm fill-*; ls | wc -l')).toBe('0');
    expect(await runInAgent(client, 'echo works')).toBe('works');
  });

  it('is closed to those who go on: they may look, and be removed', async () => {
    expect(await fill()).toMatchObject({ code: 'workspace_full' });
    expect(await fill()).toMatchObject({ code: 'workspace_full' });
    expect(await errorOf(client, 'chat', { message: 'hello', write: true })).toMatchObject({ code: 'workspace_full', message: expect.stringContaining('was stopped for that twice') });
    expect(JSON.stringify(await outputOf(client, 'list_files'))).toContain('fill-1');
    await outputOf(client, 'cleanup_inactive_agents', { max_idle_seconds: 0, remove: true });
    expect(await runInAgent(client, 'ls | wc -l')).toBe('0');
  });
});
