import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codexExec, type ExecOptions } from './codex-exec.fixture.js';
import { type FakeModel, startFakeModel } from './fake-model/fake-model.server.js';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.js';

const models = ['gpt-5.5', 'gpt-6.1-sol'];

describe('fake model with the real Codex', () => {
  let fake: FakeModel;
  let directory: TemporaryDirectory;

  beforeAll(async () => {
    fake = await startFakeModel();
  });
  beforeEach(async () => {
    fake.reset();
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    await directory.remove();
  });
  afterAll(async () => {
    await fake.close();
  });

  async function run(prompt: string, options: Partial<ExecOptions> = {}) {
    return codexExec({ directory: directory.path, baseUrl: fake.baseUrl, model: 'gpt-5.5', prompt, ...options });
  }

  test('echoes a prompt by default', async () => {
    const { answer } = await run('good morning');
    expect(answer).toBe('fake: good morning');
    expect(fake.responsesRequests()).toHaveLength(1);
    expect(fake.responsesRequests()[0]).toMatchObject({ aborted: false, status: 200, model: { userText: 'good morning' } });
  });

  test.each(models)('runs a shell command with %s', async (model) => {
    const { events, answer } = await run('<<fake {"steps":[{"shell":"echo seven > n.txt; cat n.txt; exit 3"},{"text":"finished"}]}>>', { model });
    expect(answer).toBe('finished');
    const command = events.findLast((event) => event.item?.type === 'command_execution')?.item;
    expect(command).toMatchObject({ aggregated_output: 'seven\n', exit_code: 3 });
  });

  test.each(models)('answers with what a final shell step printed with %s', async (model) => {
    const { answer } = await run('<<fake {"shell":"echo $((6 * 7))"}>>', { model });
    expect(answer).toMatch(/\b42\b/);
    expect(fake.responsesRequests()).toHaveLength(2);
  });

  test.each(models)('applies a patch with %s', async (model) => {
    const patch = '*** Begin Patch\n*** Add File: notes.md\n+it\'s "quoted" & `ticked` ${here}\n*** End Patch';
    fake.rule({ steps: [{ text: 'Patching', phase: 'commentary', patch }, { text: 'patched' }] });
    const { events, answer, workspace } = await run('write notes', { model });
    expect(answer).toBe('patched');
    expect(await readFile(join(workspace, 'notes.md'), 'utf8')).toBe('it\'s "quoted" & `ticked` ${here}\n');
    expect(events.some((event) => event.item?.type === 'file_change')).toBe(true);
  });

  test.each(models)('gives an instance of the output schema with %s', async (model) => {
    const outputSchema = {
      type: 'object',
      properties: { verdict: { enum: ['good', 'bad'] }, points: { type: 'integer' }, files: { type: 'array', items: { type: 'string' } } },
      required: ['verdict', 'points', 'files'],
      additionalProperties: false,
    };
    const { answer } = await run('judge this', { model, outputSchema });
    expect(JSON.parse(answer ?? '')).toEqual({ verdict: 'good', points: 1, files: ['files'] });
  });

  test('fails the first attempts of a step with times, and answers the next', async () => {
    const failure = '"status":429,"headers":{"retry-after":"0"},"error":{"code":"rate_limit_exceeded"}';
    const { answer } = await run(`<<fake {${failure},"times":2,"text":"at last"}>>`);
    expect(answer).toBe('at last');
    expect(fake.responsesRequests().map((request) => request.status)).toEqual([429, 429, 200]);
  });

  test('breaks a stream in the middle, and Codex asks again', async () => {
    const { answer } = await run('<<fake {"text":"whole sentence","chunks":4,"disconnectAfter":2,"times":1}>>');
    expect(answer).toBe('whole sentence');
    expect(fake.stats()).toEqual({ inFlight: 0, responses: 2, aborted: 0 });
  });

  test('does not play a directive of an earlier turn again', async () => {
    expect((await run('<<fake {"text":"first"}>>')).answer).toBe('first');
    expect((await run('and then?', { resume: true })).answer).toBe('fake: and then?');
    expect(JSON.stringify(fake.responsesRequests().at(-1)?.body)).toContain('<<fake');
  });

  test('counts turns and not requests for the times of a rule', async () => {
    fake.rule({ times: 1, steps: [{ shell: 'true' }, { text: 'by the rule' }] });
    expect((await run('one')).answer).toBe('by the rule');
    expect((await run('two')).answer).toBe('fake: two');
  });

  test('fails the turn at once when the directive is not valid', async () => {
    const { events, exitCode } = await run('<<fake {"txet":"typo"}>>');
    expect(exitCode).not.toBe(0);
    expect(JSON.stringify(events)).toContain('txet');
    expect(fake.responsesRequests()).toHaveLength(1);
  });
});
