import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type GitServer = {
  /** `127.0.0.1:<port>` */
  host: string;
  /** Every request, as it came. */
  requests: { method: string; url: string; headers: IncomingMessage['headers'] }[];
  close: () => Promise<void>;
};

/** Git's own HTTP server over the bare repositories in `root`; with `authorization`, for those only who send it. `before` may answer in its place. */
export async function startGitServer(root: string, options: { authorization?: string; before?: (request: IncomingMessage, response: ServerResponse) => Promise<boolean> } = {}): Promise<GitServer> {
  const requests: GitServer['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    answer(root, options, request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(root: string, { authorization, before }: NonNullable<Parameters<typeof startGitServer>[1]>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (await before?.(request, response)) return;
  if (authorization === undefined || request.headers.authorization === authorization) return backend(root, request, response);
  response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
}

/** A bare repository that can be pushed to, with `content` as README.md in its first commit. */
export async function createBareRepository(path: string, content: string): Promise<void> {
  await run('git', ['init', '--quiet', '--bare', '--initial-branch', 'main', path]);
  await run('git', ['-C', path, 'config', 'http.receivepack', 'true']);
  const blob = await inRepository(path, ['hash-object', '-w', '--stdin'], content);
  const tree = await inRepository(path, ['mktree'], `100644 blob ${blob}\tREADME.md\n`);
  const commit = await inRepository(path, ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.test', 'commit-tree', tree, '-m', 'The first commit'], '');
  await run('git', ['-C', path, 'update-ref', 'refs/heads/main', commit]);
}

async function inRepository(path: string, args: string[], input: string): Promise<string> {
  const git = spawn('git', ['-C', path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  git.stdin.on('error', () => undefined).end(input); // not every command reads it
  return (await buffer(git.stdout)).toString('utf8').trim();
}

async function backend(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://host');
  const env = {
    ...process.env,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: request.method ?? '',
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    REMOTE_USER: 'somebody',
  };
  const cgi = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  cgi.stdin.on('error', () => undefined);
  request.pipe(cgi.stdin);
  const output = await buffer(cgi.stdout);
  const end = output.indexOf('\r\n\r\n');
  const headers = output.subarray(0, end).toString('latin1').split('\r\n').map((line) => line.split(': ') as [string, string]);
  const status = headers.find(([name]) => name === 'Status');
  response.writeHead(Number(status?.[1].slice(0, 3) ?? 200), Object.fromEntries(headers.filter(([name]) => name !== 'Status'))).end(output.subarray(end + 4));
}
