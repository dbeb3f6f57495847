import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { chat, directive, errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { post } from '../stack/rest.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

const suite = (runtime: 'docker' | 'process') => () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ runtime });
    client = await stack.httpClient('reader');
  });
  afterAll(() => stack.stop());

  const call = (tool: string, args: Record<string, unknown> = {}) => outputOf(client, tool, args);

  it('are read, listed and searched where they are', async () => {
    const files = "mkdir -p src; printf 'first\\nsecond line\\n' > src/a.txt; printf 'caf\\351' > latin.txt; echo '*.log' > .gitignore; echo noise > x.log; ln -s /etc/passwd out; mkfifo fifo";
    await chat(client, directive({ shell: files }));
    expect(await call('read_file', { path: 'src/a.txt', offset: 2 })).toMatchObject({ content: 'second line\n', encoding: 'utf-8', lines: 2, truncated: false });
    expect(await call('read_file', { path: 'latin.txt' })).toMatchObject({ content: 'Y2Fm6Q==', encoding: 'base64' });
    const { files: listed } = await call('list_files');
    expect(listed).toEqual([{ path: '.gitignore', type: 'file', size: 6 }, { path: 'latin.txt', type: 'file', size: 4 }, { path: 'out', type: 'link', size: 11 }, { path: 'src/a.txt', type: 'file', size: 18 }]);
    expect(await call('search', { query: 'sec.nd', paths: ['src'] })).toMatchObject({ matches: [{ path: 'src/a.txt', line: 2, text: 'second line' }], truncated: false });
    for (const path of ['out', 'fifo', 'nothing', '../x']) expect(await errorOf(client, 'read_file', { path })).toMatchObject({ code: 'invalid_arguments' });
    expect(await errorOf(client, 'search', { query: '(' })).toMatchObject({ code: 'invalid_arguments' });
  });

  it('are put there, all or none, over MCP and over REST', async () => {
    const large = randomBytes(2_000_000).toString('base64');
    expect(await call('put_files', { files: [{ path: 'up/load.txt', content: 'hello\n' }, { path: 'up/large.bin', base64: large }, { path: 'up/run.sh', content: '#!/bin/sh\n', executable: true }] })).toMatchObject({
      files: [{ path: 'up/load.txt', size: 6, created: true }, { path: 'up/large.bin', size: 2_000_000, created: true }, { path: 'up/run.sh', created: true }],
    });
    expect(await runInAgent(client, 'sha256sum < up/large.bin; test -x up/run.sh && cat up/load.txt')).toBe(`${createHash('sha256').update(large, 'base64').digest('hex')}  -\nhello`);
    const { status, text } = await post(stack.url, 'put_files', JSON.stringify({ agent_id: 'reader', files: [{ path: 'up/load.txt', content: 'by REST' }] }));
    expect({ status, body: JSON.parse(text) as unknown }).toMatchObject({ status: 200, body: { structuredContent: { files: [{ path: 'up/load.txt', created: false }] } } });
    await chat(client, directive({ shell: 'ln -s /tmp tmp' }));
    expect(await errorOf(client, 'put_files', { files: [{ path: 'up/new.txt', content: 'x' }, { path: 'tmp/planted', content: 'x' }] })).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('leads through a link') });
    expect(await errorOf(client, 'put_files', { files: [{ path: '.git/hooks/post-checkout', content: 'x' }] })).toMatchObject({ code: 'invalid_arguments' });
    expect(await runInAgent(client, 'ls up /tmp/planted 2>/dev/null; cat up/load.txt')).toBe('up:\nlarge.bin\nload.txt\nrun.sh\nby REST');
  });
};

describeWithDocker('files of a workspace in a container', suite('docker'));
describe('files of a workspace without one', suite('process'));
