import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, startRedis, temporaryDirectory } from '@codex-mcp/testing';
import { TOOLS } from '@codex-mcp/tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { RawAnswer, TestEdge } from '../../testing/edge.fixture.js';
import { HeldTurns } from '../../testing/held-turn.fixture.js';
import type { StandInWorker } from '../../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../../testing/system.fixture.js';
import { openApiDocument } from './openapi.document.js';

jest.setTimeout(120_000); // a compiler runs

const modules = join(import.meta.dirname, '../../../../../node_modules');
const run = promisify(execFile);

let system: TestSystem;
let worker: StandInWorker;
let edge: TestEdge;

beforeAll(async () => {
  system = await startTestSystem(await startRedis());
  ({ worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));

type Operation = { operationId: string; responses: Record<string, { $ref?: string; content?: Record<string, { schema: object }> }> };
type Document = { paths: Record<string, Record<string, Operation>>; components: { schemas: object; responses: Record<string, Operation['responses'][string]> } };
const documentOf = async () => (await edge.call('/openapi.json')).json as unknown as Document;

const post = (path: string, body: object, headers: Record<string, string> = {}) => edge.call(path, { method: 'POST', headers, body: JSON.stringify(body) });

describe('/openapi.json', () => {
  it('is OpenAPI 3.1', async () => {
    const { text } = await edge.call('/openapi.json');
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(text) as Record<string, unknown>)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openApiDocument('1.2.3'))));
  });

  it('has every tool, each operation under a name of its own', async () => {
    const { paths } = await documentOf();
    for (const name of TOOLS.keys()) expect(paths[`/tools/${name}`]?.['post']?.operationId).toBe(name);
    const ids = Object.values(paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('describes what the server answers', async () => {
    const { paths, components } = await documentOf();
    const violation = (path: string, method: string, answer: RawAnswer): string | undefined => {
      const responses = paths[path]?.[method]?.responses ?? {};
      const given = responses[answer.status] ?? responses['default'];
      const response = given?.$ref === undefined ? given : components.responses[given.$ref.replace(/.*\//, '')];
      const media = String(answer.headers['content-type']).replace(/;.*/, '');
      const schema = response?.content?.[media]?.schema;
      if (!schema) return `${method} ${path}: ${answer.status} ${media} is not described`;
      return new AjvJsonSchemaValidator().getValidator({ ...schema, components } as never)(answer.json).errorMessage;
    };
    const held = new HeldTurns(worker);
    const accepted = await post('/tools/chat', { message: 'x' }, { prefer: 'respond-async' });
    const turnId = String(accepted.json['turn_id']);
    await held.first();
    const cancelled = await edge.call(`/jobs/${turnId}`, { method: 'DELETE' });
    await eventually(async () => (await edge.call(`/jobs/${turnId}`)).json['status'] === 'cancelled');
    const failed = await edge.call(`/jobs/${turnId}`);
    held.release();
    const result = await post('/tools/chat', { message: 'x' });
    const answers: [string, string, RawAnswer][] = [
      ['/tools/chat', 'post', accepted],
      ['/tools/chat', 'post', result],
      ['/tools/chat', 'post', await post('/tools/chat', {})],
      ['/jobs/{turn_id}', 'delete', cancelled],
      ['/jobs/{turn_id}', 'delete', await edge.call(`/jobs/${turnId}`, { method: 'DELETE' })],
      ['/jobs/{turn_id}', 'get', failed],
      ['/jobs/{turn_id}', 'get', await edge.call(`/jobs/${result.json['turn_id'] as string}`)],
      ['/jobs/{turn_id}', 'get', await edge.call('/jobs/none')],
      ['/jobs/{turn_id}/events', 'get', await edge.call('/jobs/none/events')],
      ['/approvals', 'get', await edge.call('/approvals')],
      ['/approvals/{approval_id}', 'post', await post('/approvals/none', { decision: 'accept' })],
      ['/tools', 'get', await edge.call('/tools')],
      ['/tools/health_check', 'get', await edge.call('/tools/health_check')],
      ['/tools/list_turns', 'post', await post('/tools/list_turns', {})],
    ];
    expect(answers.map((answer) => violation(...answer))).toEqual(answers.map(() => undefined));
    const events = (await edge.call(`/jobs/${turnId}/events`)).text.matchAll(/^data: (.*)$/gm);
    const isEvent = new AjvJsonSchemaValidator().getValidator({ $ref: '#/components/schemas/JobEvent', components } as never);
    const checked = [...events].map(([, data = '']) => isEvent(JSON.parse(data)).errorMessage);
    expect(checked).toEqual([undefined, undefined, undefined]);
  });

  it('makes a client that compiles and works', async () => {
    await using directory = await temporaryDirectory();
    const file = (name: string) => join(directory.path, name);
    await symlink(modules, file('node_modules'));
    await writeFile(file('package.json'), '{"type":"module"}');
    await writeFile(file('openapi.json'), (await edge.call('/openapi.json')).text);
    await run(process.execPath, [join(modules, 'oazapfts/dist/cli.js'), file('openapi.json'), file('client.ts')]);
    await writeFile(
      file('use.ts'),
      `import { chat, defaults, getJob, type ChatArguments } from './client.js';
       defaults.baseUrl = process.argv[2] ?? '';
       const question: ChatArguments = { message: 'generated' };
       const answer = await chat(question, { xAgentId: 'typed' });
       if (answer.status !== 200) throw new Error(String(answer.status));
       const { structuredContent, turn_id } = (answer as Extract<typeof answer, { status: 200 }>).data;
       const job = await getJob(turn_id ?? '');
       console.log(structuredContent.answer, structuredContent.agent_id, job.status);`,
    );
    const options = ['--strict', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', '--skipLibCheck'];
    const compiler = run(process.execPath, [join(modules, 'typescript/bin/tsc'), ...options, file('use.ts')], { cwd: directory.path });
    expect(await compiler.catch((error: { stdout: string }) => error.stdout)).toMatchObject({ stdout: '' });
    const { stdout } = await run(process.execPath, [file('use.js'), edge.url]);
    expect(stdout).toBe('echo: "generated" typed 200\n');
  });
});

describe('/docs', () => {
  it('shows every operation without scripts or anything from elsewhere', async () => {
    const page = await edge.call('/docs');
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(page.headers['content-security-policy']).toBe("default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    expect(page.text).not.toMatch(/<script|\son\w+=|style=|https?:/);
    for (const [path, item] of Object.entries((await documentOf()).paths)) {
      for (const [method, { operationId }] of Object.entries(item)) expect(page.text).toContain(`<details id="${operationId}"><summary><code>${method.toUpperCase()} ${path}</code>`);
    }
    const [, style = ''] = /<link rel="stylesheet" href="([^"]+)">/.exec(page.text) ?? [];
    expect(await edge.call(style)).toMatchObject({ status: 200, headers: { 'content-type': 'text/css; charset=utf-8' } });
  });

  it('shows what is written in descriptions as text', async () => {
    const { text } = await edge.call('/docs');
    expect(text).toContain('branch:&lt;base&gt;');
    expect(text).not.toContain('branch:<base>');
  });
});

describe('every error over REST', () => {
  it.each([
    ['GET', '/no/such/route', 404],
    ['PUT', '/tools/chat', 404],
    ['GET', '/tools/chat', 405],
    ['GET', '/tools/nothing', 404],
    ['POST', '/tools/chat', 422],
    ['GET', '/jobs/none', 404],
    ['DELETE', '/jobs/none', 404],
    ['GET', '/jobs/none/events', 404],
    ['GET', '/jobs/%E0%A4%A', 400],
    ['POST', '/messages', 404],
  ])('%s %s is a problem document', async (method, path, status) => {
    const answer = await edge.call(path, { method });
    expect({ status: answer.status, type: answer.headers['content-type'] }).toEqual({ status, type: expect.stringMatching(/^application\/problem\+json/) });
    expect(answer.json).toMatchObject({ type: 'about:blank', status, title: expect.any(String), detail: expect.any(String), code: expect.any(String) });
  });
});
