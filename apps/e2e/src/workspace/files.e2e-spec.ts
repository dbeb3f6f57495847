import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { chat, directive, errorOf, outputOf } from '../stack/calls.js';
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
};

describeWithDocker('files of a workspace in a container', suite('docker'));
describe('files of a workspace without one', suite('process'));
