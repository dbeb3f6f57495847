import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { directive, errorOf, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

const suite = (runtime: 'docker' | 'process') => () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ runtime });
    client = await stack.httpClient('pointer');
    await outputOf(client, 'put_files', { files: [{ path: 'src/a.ts', content: 'a' }] });
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  it('that name what is not there end the call before Codex begins', async () => {
    const error = await errorOf(client, 'implement', { task: 'x', target_files: ['new.ts', '../outside.ts'], context_files: ['src/*.ts', 'docs/*.md', 'none.ts'] });
    expect(error).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('"docs/*.md", "none.ts"') });
    expect(error.message).toContain('"../outside.ts"');
    expect(stack.fake.responsesRequests()).toEqual([]);
    expect(await errorOf(client, 'chat', { write: true, message: 'x', reference_files: ['none.ts'] })).toMatchObject({ code: 'invalid_arguments' });
  });

  it('that hold a file make it one that Codex can read, outside of the workspace', async () => {
    const content = `first line\n${'x'.repeat(60_000)}\n`;
    await outputOf(client, 'chat', { write: true, message: directive({ text: 'seen' }), reference_files: ['src/a.ts', { path: 'ci/run.log', content }] });
    const [, path = ''] = /- (\/.*inputs\/turn_[0-9a-f]+\/ci\/run\.log) \(outside of the workspace/.exec(stack.fake.responsesRequests()[0]?.model.userText ?? '') ?? [];
    expect(path).not.toBe('');
    expect(JSON.stringify(stack.fake.responsesRequests()[0]?.body)).not.toContain('xxxxxxxxxx');
    const output = await outputOf(client, 'chat', { write: true, message: directive({ shell: `head -n 1 '${path}'; ls` }) });
    expect(output['answer']).toMatch(/first line\nsrc\s*$/);
  });
};

describeWithDocker('file arguments, in a container', suite('docker'));
describe('file arguments, without one', suite('process'));
