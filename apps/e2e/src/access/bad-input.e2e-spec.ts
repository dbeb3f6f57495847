import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithDocker, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containersOf } from '../stack/agent-containers.js';
import { call } from '../stack/calls.js';
import { post, problemOf } from '../stack/rest.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

const looksLikeStack = /\n\s+at |\.[jt]s:\d+|node_modules|node:internal|ZodError|ioredis|BullMQ/i;

type Case = readonly [name: string, tool: string, args: (roots: string) => Record<string, unknown>, code: string, status: number, words: RegExp];

const cases: readonly Case[] = [
  ['a missing argument', 'plan', () => ({}), 'invalid_arguments', 422, /task is missing/],
  ['an argument of the wrong type', 'chat', () => ({ message: 42 }), 'invalid_arguments', 422, /message must be a string, not 42/],
  ['an unknown argument', 'chat', () => ({ message: 'x', mesage: 'y' }), 'invalid_arguments', 422, /unknown argument "mesage"/],
  ['an unknown word', 'audit', () => ({ code: 'x', severity_threshold: 'dire' }), 'invalid_arguments', 422, /"critical", "high"/],
  ['none of several arguments', 'fix', () => ({ agent_id: 'x' }), 'invalid_arguments', 422, /at least one of failing_tests/],
  ['an empty list', 'implement', () => ({ task: 'x', target_files: [] }), 'invalid_arguments', 422, /target_files/],
  ['more than a million characters', 'chat', () => ({ message: 'x'.repeat(1_000_001) }), 'input_too_large', 413, /10000\d\d characters.*limit is 1000000/],
  ['deep nesting', 'plan', () => ({ task: 'x', constraints: nested(40) }), 'invalid_arguments', 422, /deeper than 32/],
  ['an agent_id that is a path', 'chat', () => ({ message: 'x', agent_id: '../../etc' }), 'invalid_agent_id', 422, /1-63 characters/],
  ['an agent_id that is too long', 'chat', () => ({ message: 'x', agent_id: 'a'.repeat(64) }), 'invalid_agent_id', 422, /1-63 characters/],
  ['a turn_id that is none', 'cancel', () => ({ turn_id: '*' }), 'unknown_turn', 404, /no such turn/],
  ['a relative workspace', 'chat', () => ({ message: 'x', workspace: 'src' }), 'invalid_arguments', 422, /absolute path/],
  ['a workspace outside of the roots', 'chat', () => ({ message: 'x', workspace: '/etc' }), 'workspace_not_allowed', 422, /WORKSPACE_ROOTS/],
  ['a workspace that climbs out of a root', 'chat', (roots) => ({ message: 'x', workspace: `${roots}/inside/../../outside` }), 'workspace_not_allowed', 422, /WORKSPACE_ROOTS/],
  ['a workspace behind a link out of a root', 'chat', (roots) => ({ message: 'x', workspace: `${roots}/link` }), 'workspace_not_allowed', 422, /WORKSPACE_ROOTS/],
  ['a workspace beside a root of a similar name', 'chat', (roots) => ({ message: 'x', workspace: `${roots}-beside` }), 'workspace_not_allowed', 422, /WORKSPACE_ROOTS/],
  ['a workspace that is a file', 'chat', (roots) => ({ message: 'x', workspace: `${roots}/file` }), 'workspace_not_allowed', 422, /WORKSPACE_ROOTS/],
  ['a workspace that does not exist', 'chat', (roots) => ({ message: 'x', workspace: `${roots}/nowhere` }), 'workspace_not_allowed', 422, /WORKSPACE_ROOTS/],
];

function nested(levels: number): unknown {
  return levels === 0 ? 'bottom' : { deeper: nested(levels - 1) };
}

describeWithDocker('bad input', () => {
  let stack: Stack;
  let scratch: TemporaryDirectory;
  let roots: string;
  let clients: Client[];

  beforeAll(async () => {
    scratch = await temporaryDirectory();
    roots = join(scratch.path, 'roots');
    for (const directory of ['roots', 'roots/inside', 'roots-beside', 'outside']) await mkdir(join(scratch.path, directory));
    await symlink(join(scratch.path, 'outside'), join(roots, 'link'));
    await writeFile(join(roots, 'file'), '');
    stack = await startStack({ env: { WORKSPACE_ROOTS: roots } });
    clients = [await stack.sseClient(), await stack.httpClient()];
  });
  afterAll(async () => {
    await stack.stop();
    await scratch.remove();
  });

  it.each(cases)('with %s is refused by %s with advice, over MCP and REST', async (_, tool, args, code, status, words) => {
    for (const client of clients) {
      const result = await call(client, tool, args(roots));
      expect(result).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': { code, message: expect.stringMatching(words), retryable: false } } });
      expect(JSON.stringify(result)).not.toMatch(looksLikeStack);
    }
    const answer = await post(stack.url, tool, JSON.stringify(args(roots)));
    expect(answer.status).toBe(status);
    expect(problemOf(answer)).toMatchObject({ code, detail: expect.stringMatching(words), status });
    expect(answer.text).not.toMatch(looksLikeStack);
  });

  it('that names no tool is refused as MCP and HTTP have it', async () => {
    for (const client of clients) await expect(call(client, 'no_such_tool')).rejects.toMatchObject({ code: -32602, message: expect.stringContaining('no_such_tool') });
    const answer = await post(stack.url, 'no_such_tool', '{}');
    expect(problemOf(answer)).toMatchObject({ status: 404, code: 'unknown_tool' });
  });

  it.each([
    ['no JSON', '{"message":', 400],
    ['a list', '[]', 422],
    ['a string', '"hello"', 422],
    ['a number', '17', 422],
    ['more bytes than a body may have', JSON.stringify({ message: 'ä'.repeat(3_000_000) }), 413],
  ])('whose body is %s is answered with a problem document', async (_, body, status) => {
    const answer = await post(stack.url, 'chat', body);
    expect(answer.status).toBe(status);
    expect(problemOf(answer).status).toBe(status);
    expect(answer.text).not.toMatch(looksLikeStack);
  });

  it.each(['%2e%2e%2f', 'chat%00', '%', 'constructor', '__proto__', 'toString'])('in the path (%s) is the caller’s mistake', async (path) => {
    const answer = await post(stack.url, path, '{"message":"x"}');
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).not.toMatch(looksLikeStack);
  });

  it('never reached the model or an agent, and good input is still taken', async () => {
    expect(stack.fake.requests).toEqual([]);
    expect(await containersOf(stack.deployment)).toEqual([]);
    const answer = await post(stack.url, 'codex_chat', '{"message":"good","agent_id":" My Agent "}');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ structuredContent: { answer: expect.stringMatching(/^fake: [^]*good$/), agent_id: 'my-agent' } });
  });

  it('just within the limit is good input', async () => {
    const answer = await post(stack.url, 'chat', JSON.stringify({ message: `${'x'.repeat(999_900)} the end` }));
    expect(answer.status).toBe(200);
    expect(stack.fake.responsesRequests().at(-1)?.model.userText).toMatch(/x the end$/);
  });
});
