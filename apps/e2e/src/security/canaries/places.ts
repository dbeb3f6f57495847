import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Redis } from 'ioredis';
import { containersOf, docker, execIn, volumesOf } from '../../stack/agent-containers.js';
import type { CanaryStack } from './canary-stack.js';
import type { Search } from './search.js';

/** Of everybody's git objects, as they are when unpacked. */
const GIT_OBJECTS = 'find /workspace /codex-home -type d -name objects 2>/dev/null | while read -r objects; do git --git-dir="$(dirname "$objects")" cat-file --batch --batch-all-objects; done';
const TEMPORARY_FILES = 'find /tmp /run -type f -exec cat {} + 2>/dev/null';
const PROCESSES = 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null';
const VOLUMES = ['/workspace', '/codex-home'];

/**
 * Everything that any command puts through Redis, also what is gone when it ends. Over a socket of its own: ioredis
 * loses count of its commands where others' are told before its MONITOR is answered.
 */
export async function watchRedis(url: string, search: Search): Promise<Socket> {
  const { hostname, port, username, password } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`AUTH ${username || 'default'} ${password}\r\nMONITOR\r\n`);
  createInterface({ input: socket }).on('line', (line) => search.look(`Redis's ${nameOf(line)}`, line));
  return socket;
}

/** Of a line of MONITOR: the command and its key, without ids. */
const nameOf = (line: string): string => (line.match(/"(?:[^"\\]|\\.)*"/g) ?? []).slice(0, 2).join(' ').slice(0, 100).replaceAll(/[0-9a-f]{16,}/g, '…');

/** Has Redis put all that it holds into its files, as plain text, and searches them. */
export async function searchRedis(redis: Redis, search: Search): Promise<void> {
  await redis.config('SET', 'rdbcompression', 'no');
  await redis.save();
  const [, directory = ''] = await redis.config('GET', 'dir');
  await searchBelow(directory, 'redis/', search);
}

/** Every file below the directories of `npm start`, but where a secret belongs. */
export const searchFiles = ({ stack }: CanaryStack, search: Search): Promise<void> => searchBelow(stack.workingDirectory, '', search);

async function searchBelow(root: string, name: string, search: Search): Promise<void> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of names.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const place = `${name}${path.slice(root.length + 1)}`;
    await search.lookInto(place, createReadStream(path), ({ directory }) => directory !== undefined && place.startsWith(`data/${directory}/`));
  }
}

/** All that the engine tells of the agents and their images, and all that is in their volumes. */
export async function searchDocker({ stack }: CanaryStack, search: Search, since: number): Promise<void> {
  const until = Math.ceil(Date.now() / 1000);
  search.look("Docker's events", await text(await docker.getEvents({ since, until })));
  const containers = await containersOf(stack.deployment);
  if (containers.length === 0) throw new Error('there is no container to search');
  for (const { Id: id, ImageID: image } of containers) {
    await searchContainer(id, search);
    search.look('the history of the image', JSON.stringify([await docker.getImage(image).history(), await docker.getImage(image).inspect()]));
  }
  for (const name of await volumesOf(stack.deployment)) search.look(`docker volume inspect ${name}`, JSON.stringify(await docker.getVolume(name).inspect()));
}

async function searchContainer(id: string, search: Search): Promise<void> {
  const container = docker.getContainer(id);
  const inspected = await container.inspect();
  const name = inspected.Config.Labels['codex-mcp.agent-id'];
  search.look(`docker inspect of ${name}`, JSON.stringify(inspected));
  search.look(`docker logs of ${name}`, await container.logs({ stdout: true, stderr: true }));
  search.look(`docker top of ${name}`, JSON.stringify(await container.top()));
  search.look(`docker diff of ${name}`, JSON.stringify(await container.changes()));
  for (const path of VOLUMES) await search.lookInto(`${path} of ${name}`, await container.getArchive({ path }) as NodeJS.ReadableStream & AsyncIterable<Buffer>);
  for (const [place, command] of [['git objects', GIT_OBJECTS], ['temporary files', TEMPORARY_FILES], ['processes', PROCESSES]] as const) {
    search.look(`${place} of ${name}`, await execIn(container, 'sh', '-c', command));
  }
}

/** What others were sent: each may see its own secret only, where it belongs. */
export function searchReceivers({ fake, git, deliveries, canaries }: CanaryStack, search: Search): void {
  const { apiKey, accessToken, nextAccessToken, refreshToken, nextRefreshToken, gitPassword } = canaries;
  for (const { path, headers: { authorization = '', ...headers }, body } of fake.requests) {
    const isRefresh = path.endsWith('/oauth/token');
    search.look(`the model's ${path}`, JSON.stringify([headers, body]), (canary) => isRefresh && [refreshToken, nextRefreshToken].includes(canary));
    search.look(`the authorization of the model's ${path}`, authorization, (canary) => [apiKey, accessToken, nextAccessToken].includes(canary));
  }
  for (const { url, headers } of git.requests) search.look('the git host', JSON.stringify([url, headers]), (canary) => canary === gitPassword);
  for (const delivery of deliveries) search.look('the receiver of approvals', JSON.stringify(delivery));
}
