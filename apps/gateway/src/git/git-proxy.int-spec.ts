import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createBareRepository, eventually, type GitServer, startGitServer, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, open, send, startGateway, startUpstream } from '../gateway.fixture.js';

jest.setTimeout(60_000); // many commands of git, on a busy machine

const run = promisify(execFile);
const PASSWORD = 'canary-of-the-host';
const BASIC = `Basic ${Buffer.from(`ada:${PASSWORD}`).toString('base64')}`;

let directory: TemporaryDirectory;
let server: GitServer;
let gateway: GatewayUnderTest;
/** What an agent's git takes for https://, with and without a container. */
let base: string;
let socketPath: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  await createBareRepository(join(directory.path, 'project.git'), 'hello\n');
});
afterEach(async () => {
  await gateway.stop();
  await server?.close();
  await directory.remove();
});

async function start(env: Record<string, string> = {}, options: Parameters<typeof startGitServer>[1] = {}): Promise<void> {
  server = await startGitServer(directory.path, options);
  await startGatewayWith({ GIT_HOSTS: server.host, ...env });
}

async function startGatewayWith(env: Record<string, string>): Promise<void> {
  gateway = await startGateway(join(directory.path, 'run'), env);
  base = (await gateway.register('a', 'tcp')).baseUrl.replace(/\/v1$/, '/git');
  ({ socketPath } = await gateway.register('b'));
}

/** Git as an agent has it; its words where it fails. */
async function git(...args: string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: directory.path, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' };
  return run('git', ['-c', 'user.name=Agent', '-c', 'user.email=agent@example.test', ...args], { cwd: directory.path, env }).then(
    ({ stdout }) => stdout,
    (error: { stderr: string }) => error.stderr,
  );
}
const clone = (...args: string[]) => git('clone', '--quiet', ...args, `${base}/${server.host}/project.git`, 'clone');
const events = () => gateway.lines().filter((line) => line.includes('"op":"git_request"')).map((line) => JSON.parse(line) as Record<string, unknown>);
const REFS = '/info/refs?service=git-upload-pack';

describe('git of an agent', () => {
  it('clones, fetches what is new, and leaves one event for each request', async () => {
    await start();
    expect(await clone()).toBe('');
    expect(readFileSync(join(directory.path, 'clone', 'README.md'), 'utf8')).toBe('hello\n');
    expect(await git('-C', 'clone', 'fetch', '--quiet')).toBe('');
    expect(await git('clone', '--quiet', '--depth', '1', `${base}/${server.host}/project.git`, 'shallow')).toBe('');
    const logged = await eventually(() => {
      expect(events()).toHaveLength(server.requests.length);
      return events();
    });
    expect(logged[0]).toMatchObject({ agentId: 'a', tenant: 'local', host: server.host, path: '/project.git', service: 'git-upload-pack', method: 'GET', outcome: 'ok', end: 'completed', status: 200, requestBytes: 0, responseBytes: expect.any(Number) });
    expect(logged.some(({ method, requestBytes, responseBytes }) => method === 'POST' && Number(requestBytes) > 0 && Number(responseBytes) > 100)).toBe(true);
    expect(server.requests.some(({ headers }) => headers['git-protocol'] === 'version=2')).toBe(true);
  });

  it('pushes only where that is allowed', async () => {
    await start();
    await clone();
    await git('-C', 'clone', 'commit', '--quiet', '--allow-empty', '-m', 'more');
    expect(await git('-C', 'clone', 'push', 'origin', 'main')).toContain('GIT_PUSH is not set');
    const { body, status } = await send({ socketPath, method: 'POST', path: `/git/${server.host}/project.git/git-receive-pack` }, '0000');
    expect({ status, body }).toEqual({ status: 403, body: expect.stringContaining('GIT_PUSH') });
    expect(server.requests.filter(({ url }) => url.includes('receive-pack'))).toEqual([]);
    await gateway.stop();
    await startGatewayWith({ GIT_HOSTS: server.host, GIT_PUSH: 'true' });
    // Larger than git's buffer, so that it comes in chunks, without a length.
    await run('sh', ['-c', 'head -c 3000000 /dev/urandom > clone/big.bin'], { cwd: directory.path });
    await git('-C', 'clone', 'add', '--all');
    await git('-C', 'clone', 'commit', '--quiet', '-m', 'large');
    expect(await git('-C', 'clone', 'push', '--quiet', `${base}/${server.host}/project.git`, 'main')).toBe('');
    expect(await git('-C', 'project.git', 'log', '--format=%s', 'main')).toBe('large\nmore\nThe first commit\n');
    expect(server.requests.some(({ headers }) => headers['transfer-encoding'] === 'chunked')).toBe(true);
  });

  it('uses credentials that only the gateway has, also those that were added later', async () => {
    const file = join(directory.path, 'credentials');
    writeFileSync(file, 'https://nobody:wrong@github.com\n', { mode: 0o600 });
    await start({ GIT_CREDENTIALS_FILE: file }, { authorization: BASIC });
    expect(await clone()).toContain('GIT_CREDENTIALS_FILE');
    writeFileSync(file, `https://nobody:wrong@github.com\nnot a url\nhttp://ada:other@${server.host}/other\nhttp://ada:${PASSWORD}@${server.host}\n`);
    expect(await clone('--config', 'http.extraHeader=Authorization: Basic of-the-agent', '--config', 'http.extraHeader=Cookie: a=b')).toBe('');
    expect(server.requests.at(-1)?.headers).toMatchObject({ authorization: BASIC });
    expect(server.requests.at(-1)?.headers['cookie']).toBeUndefined();
    expect(gateway.lines().join('\n')).not.toContain('canary');
    for (const name of readdirSync(join(directory.path, 'clone', '.git'))) if (name !== 'objects') expect(await run('grep', ['-rl', 'canary', join(directory.path, 'clone', '.git', name)]).catch(() => 'none')).toBe('none');
  });

  it('is told that the credentials cannot be read, and not what is in them', async () => {
    await start({ GIT_CREDENTIALS_FILE: join(directory.path, 'missing') });
    expect(await clone()).toMatch(/GIT_CREDENTIALS_FILE cannot be read \(ENOENT\)/);
    expect(server.requests).toEqual([]);
  });

  it('goes to listed hosts only, and nowhere without a list', async () => {
    await start();
    expect(await git('ls-remote', `${base}/github.com/a/b`)).toMatch(new RegExp(`may not reach "github.com".*${server.host}`));
    expect(await git('ls-remote', `${base}/${server.host}.evil.test/a/b`)).toContain('may not reach');
    await gateway.stop();
    await startGatewayWith({});
    expect(await clone()).toContain('GIT_HOSTS names no host');
    expect(server.requests).toEqual([]);
    expect(events().map(({ end }) => end)).toContain('host_not_allowed');
  });

  it('does not reach a private address by a name, but where the operator has named the address', async () => {
    server = await startGitServer(directory.path);
    const port = server.host.split(':')[1];
    await startGatewayWith({ GIT_HOSTS: `localhost:${port}` });
    expect(await git('ls-remote', `${base}/localhost:${port}/project.git`)).toContain('is in a private network');
    expect(events().map(({ end }) => end)).toEqual(['private_address']);
    await gateway.stop();
    await startGatewayWith({ GIT_HOSTS: `localhost:${port}=127.0.0.1` });
    // It speaks no TLS: that the connection is made is what counts.
    expect(await git('ls-remote', `${base}/localhost:${port}/project.git`)).toContain('cannot reach localhost');
    expect(events().map(({ end }) => end)).toEqual(['unreachable']);
    expect(server.requests).toEqual([]);
  });

  it('gets nothing outside of the repositories by a path', async () => {
    await start();
    for (const path of ['/project.git/../project.git', '/%2e%2e/project.git', '//project.git']) {
      expect(await send({ socketPath, method: 'GET', path: `/git/${server.host}${path}${REFS}` })).toMatchObject({ status: 404 });
    }
    expect(await send({ socketPath, method: 'GET', path: `/git/${server.host}/project.git/HEAD` })).toMatchObject({ status: 404 });
    expect(server.requests).toEqual([]);
  });
});

describe('a host that does not behave', () => {
  let answer: (response: ServerResponse) => void;
  let close: () => void;

  async function startHost(env: Record<string, string> = {}): Promise<string> {
    const upstream = await startUpstream((_request, response) => answer(response));
    close = upstream.close;
    const host = new URL(upstream.url).host;
    await startGatewayWith({ GIT_HOSTS: host, ...env });
    return `/git/${host}/project.git${REFS}`;
  }
  afterEach(() => close());

  const ADVERTISEMENT = { 'content-type': 'application/x-git-upload-pack-advertisement' };

  it('is not followed where it redirects', async () => {
    let asked = 0;
    const elsewhere = createServer(() => (asked += 1)).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const path = await startHost();
    answer = (response) => response.writeHead(302, { location: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/` }).end();
    expect(await send({ socketPath, method: 'GET', path })).toMatchObject({ status: 502, body: expect.stringContaining('redirects') });
    expect(asked).toBe(0);
    elsewhere.close();
  });

  it('gives no answer that is not git’s, and no cookie', async () => {
    const path = await startHost();
    answer = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('secret page');
    const refused = await send({ socketPath, method: 'GET', path });
    expect(refused).toMatchObject({ status: 502 });
    expect(refused.body).not.toContain('secret page');
    answer = (response) => response.writeHead(200, { ...ADVERTISEMENT, 'set-cookie': 'a=b' }).end('0000');
    const passed = await send({ socketPath, method: 'GET', path });
    expect(passed).toMatchObject({ status: 200, body: '0000' });
    expect(passed.headers['set-cookie']).toBeUndefined();
  });

  it('is cut off where it sends or takes too much', async () => {
    const path = await startHost({ GIT_MAX_BYTES: '1k' });
    answer = (response) => response.writeHead(200, ADVERTISEMENT).end('x'.repeat(1025));
    await expect(send({ socketPath, method: 'GET', path })).rejects.toThrow();
    answer = () => undefined;
    expect(await send({ socketPath, method: 'POST', path: path.replace(REFS, '/git-upload-pack') }, 'x'.repeat(1025))).toMatchObject({ status: 413 });
    await eventually(() => expect(events()).toMatchObject([{ end: 'too_large' }, { end: 'too_large' }]));
  });

  it('is given up where it takes too long', async () => {
    const path = await startHost({ GIT_TIMEOUT: '0.2' });
    answer = () => undefined;
    expect(await send({ socketPath, method: 'GET', path })).toMatchObject({ status: 504, body: expect.stringContaining('GIT_TIMEOUT') });
  });

  it('is cut off where its answer takes too long', async () => {
    const path = await startHost({ GIT_TIMEOUT: '1' });
    answer = (response) => response.writeHead(200, ADVERTISEMENT).write('0000');
    // A machine that stalls for that long has not even begun to answer, which is a 504 instead.
    await eventually(() => expect(send({ socketPath, method: 'GET', path })).rejects.toThrow(), { timeoutMs: 20_000 });
    await eventually(() => expect(events().at(-1)).toMatchObject({ end: 'timeout', status: 200 }));
  });

  it('is not taken for an unreachable one by a clock that runs ahead', async () => {
    // Three ticks of undici's clock, which all exchanges share: its own timeouts would come first in all but one of them.
    const path = await startHost({ GIT_TIMEOUT: '1.497' });
    answer = (response) => response.writeHead(200, ADVERTISEMENT).write('0000');
    const answers: Promise<string>[] = [];
    for (let times = 0; times < 30; times += 1) {
      const { stream } = await open({ socketPath, method: 'GET', path });
      answers.push(text(stream).catch(() => 'cut off'));
    }
    await Promise.all(answers);
    await eventually(() => expect(events().map(({ end }) => end)).toEqual(answers.map(() => 'timeout')));
  });
});

it('the file of the credentials is pointed out when others can read it', async () => {
  const file = join(directory.path, 'credentials');
  writeFileSync(file, '');
  chmodSync(file, 0o644);
  await start({ GIT_CREDENTIALS_FILE: file });
  await clone();
  expect(gateway.lines().filter((line) => line.includes('chmod 600'))).toHaveLength(1);
});
