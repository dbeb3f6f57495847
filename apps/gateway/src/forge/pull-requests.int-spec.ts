import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, send, startGateway, startUpstream } from '../gateway.fixture.js';

jest.setTimeout(30_000); // on a busy machine

const TOKEN = 'canary-of-the-forge';
const wish = { repository: '/ada/project.git', branch: 'codex/a', title: 'Fix it', body: 'As asked.', draft: false };

type Asked = { call: string; authorization: string | undefined; body: unknown };
type Answer = { status?: number; body: unknown; headers?: Record<string, string> };

let directory: TemporaryDirectory;
let gateway: GatewayUnderTest;
let forge: Awaited<ReturnType<typeof startUpstream>>;
let host: string;
let asked: Asked[];
let answers: Record<string, Answer>;

beforeEach(async () => {
  directory = await temporaryDirectory();
  [asked, answers] = [[], {}];
  forge = await startUpstream((request, response) => void answer(request).then(({ status = 200, body, headers = {} }) => response.writeHead(status, headers).end(JSON.stringify(body))));
  host = new URL(forge.url).host;
  writeFileSync(join(directory.path, 'credentials'), `http://ada:${TOKEN}@${host}/ada\n`, { mode: 0o600 });
});
afterEach(async () => {
  await gateway.stop();
  forge.close();
  await directory.remove();
});

async function answer(request: IncomingMessage): Promise<Answer> {
  const call = `${request.method} ${request.url}`;
  asked.push({ call, authorization: request.headers.authorization, body: request.method === 'POST' ? await json(request) : undefined });
  return answers[call] ?? { status: 404, body: { message: 'Not Found' } };
}

async function start(env: Record<string, string> = {}): Promise<void> {
  const credentials = join(directory.path, 'credentials');
  gateway = await startGateway(join(directory.path, 'run'), { GIT_HOSTS: host, GIT_PUSH: 'true', GIT_CREDENTIALS_FILE: credentials, GIT_FORGES: `${host}=github`, ...env });
}

async function open(changes: object = {}): Promise<{ status: number; body: Record<string, unknown> }> {
  const { key } = await gateway.register('a');
  const { status, body } = await gateway.control('POST', `/agents/${key}/pull-requests`, { host, ...wish, ...changes });
  return { status, body: JSON.parse(body) as Record<string, unknown> };
}

describe('a pull request', () => {
  it('is opened at GitHub against the default branch, and found when it is asked for again', async () => {
    await start();
    const list = 'GET /api/v3/repos/ada/project/pulls?state=open&head=ada%3Acodex%2Fa';
    answers = { 'GET /api/v3/repos/ada/project': { body: { default_branch: 'trunk' } }, [list]: { body: [] }, 'POST /api/v3/repos/ada/project/pulls': { status: 201, body: { html_url: 'https://forge/7', number: 7 } } };
    expect(await open()).toEqual({ status: 200, body: { url: 'https://forge/7', number: 7, created: true, base: 'trunk' } });
    expect(asked.at(-1)).toEqual({ call: 'POST /api/v3/repos/ada/project/pulls', authorization: `Bearer ${TOKEN}`, body: { title: 'Fix it', body: 'As asked.', head: 'codex/a', base: 'trunk' } });
    answers = { [list]: { body: [{ html_url: 'https://forge/7', number: 7, head: { ref: 'codex/a' } }] } };
    expect(await open({ base: 'trunk' })).toMatchObject({ body: { url: 'https://forge/7', created: false } });
    const log = gateway.lines().join('\n');
    expect(log).toContain('"op":"pull_request"');
    expect(log).not.toContain('canary');
  });

  it('is opened at GitLab', async () => {
    await start({ GIT_FORGES: `${host}=gitlab` });
    answers = { 'GET /api/v4/projects/ada%2Fproject/merge_requests?state=opened&source_branch=codex%2Fa': { body: [] }, 'POST /api/v4/projects/ada%2Fproject/merge_requests': { status: 201, body: { web_url: 'https://forge/-/8', iid: 8 } } };
    expect(await open({ base: 'main', draft: true })).toMatchObject({ body: { url: 'https://forge/-/8', number: 8, created: true } });
    expect(asked.at(-1)?.body).toEqual({ source_branch: 'codex/a', target_branch: 'main', title: 'Draft: Fix it', description: 'As asked.' });
  });

  it('is opened at Gitea', async () => {
    await start({ GIT_FORGES: `${host}=gitea` });
    answers = { 'GET /api/v1/repos/ada/project/pulls?state=open&limit=50': { body: [{ html_url: 'https://forge/1', number: 1, head: { ref: 'other' } }] }, 'POST /api/v1/repos/ada/project/pulls': { status: 201, body: { html_url: 'https://forge/9', number: 9 } } };
    expect(await open({ base: 'main' })).toMatchObject({ body: { url: 'https://forge/9', created: true } });
  });
});

describe('where none can be opened, a person is told where to and why', () => {
  const compareUrl = () => `http://${host}/ada/project/compare/main...codex/a?expand=1`;

  it.each<[string, Record<string, string>, RegExp]>([
    ['the operator names no forge', { GIT_FORGES: '' }, /GIT_FORGES does not name/],
    ['there is no token', { GIT_CREDENTIALS_FILE: '' }, /GIT_CREDENTIALS_FILE has no credentials/],
  ])('as %s', async (_, env, problem) => {
    await start(env);
    const { body } = await open({ base: 'main' });
    expect(body['problem']).toMatch(problem);
    expect(body['compareUrl']).toBe(env['GIT_FORGES'] === '' ? undefined : compareUrl());
    expect(asked).toEqual([]);
  });

  it.each<[string, Answer, RegExp]>([
    ['refuses, in its words', { status: 403, body: { message: 'Resource not accessible', errors: [{ message: 'by this token' }] } }, /refuses this \(403\): Resource not accessible; by this token\.$/],
    ['redirects', { status: 301, body: {}, headers: { location: 'http://127.0.0.1:1/' } }, /refuses this \(301\)/],
    ['answers with something else', { body: { pulls: [] } }, /its answer was not understood/],
    ['answers with too much', { body: 'x'.repeat(5_000_000) }, /could not be asked/],
  ])('as the forge %s', async (_, said, problem) => {
    await start();
    answers = { 'GET /api/v3/repos/ada/project/pulls?state=open&head=ada%3Acodex%2Fa': said };
    expect(await open({ base: 'main' })).toEqual({ status: 200, body: { problem: expect.stringMatching(problem), compareUrl: compareUrl() } });
    expect(asked).toHaveLength(1);
  });

  it('as the branch is the one that changes go into', async () => {
    await start();
    answers = { 'GET /api/v3/repos/ada/project': { body: { default_branch: 'codex/a' } } };
    expect((await open()).body['problem']).toContain('"codex/a" is the branch that changes go into');
  });
});

describe('nobody is asked', () => {
  it.each<[string, Record<string, string>, object]>([
    ['where agents may not push', { GIT_PUSH: 'false' }, {}],
    ['at a host that is not listed', {}, { host: 'github.com' }],
    ['for a path that leads elsewhere', {}, { repository: '/ada/../../admin' }],
    ['for a branch that is none', {}, { branch: 'a..b' }],
    ['with a title that is too long', {}, { title: 'x'.repeat(201) }],
  ])('%s', async (_, env, changes) => {
    await start(env);
    expect(await open(changes)).toMatchObject({ status: 422, body: { error: { code: 'invalid_arguments' } } });
    expect(asked).toEqual([]);
  });

  it('by an agent itself', async () => {
    await start();
    const { socketPath, key } = await gateway.register('a');
    for (const path of [`/agents/${key}/pull-requests`, '/pull-requests', `/git/${host}/api/v3/repos/ada/project/pulls`]) {
      expect(await send({ socketPath, method: 'POST', path }, JSON.stringify({ host, ...wish }))).toMatchObject({ status: 404 });
    }
    expect(asked).toEqual([]);
  });
});
