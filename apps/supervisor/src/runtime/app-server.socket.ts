import { constants, type FileHandle, lstat, open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { AppError } from '@codex-mcp/contracts';
import type { AppServerSocket } from './agent-runtime.port.js';

/** Linux's O_PATH, which node does not name: a handle on the file itself, not on what it refers to. */
const O_PATH = 0o10000000;

/**
 * Connects to an agent's socket without following anything that the agent may have put in its place:
 * the directory is the agent's to write, so a symlink to another socket must lead nowhere.
 */
export async function openAppServerSocket(target: AppServerSocket): Promise<Socket> {
  if (process.platform !== 'linux') return connected(connect(await verified(target.path, target.uid)));
  const handle = await open(target.path, O_PATH | constants.O_NOFOLLOW);
  try {
    await verifiedHandle(handle, target.uid);
    return await connected(connect(`/proc/self/fd/${handle.fd}`));
  } finally {
    await handle.close();
  }
}

async function verifiedHandle(handle: FileHandle, uid: number): Promise<void> {
  const stat = await handle.stat();
  if (!stat.isSocket() || stat.uid !== uid) throw new AppError('agent_start_failed', 'The agent’s socket is not its own. Remove the agent (cleanup_inactive_agents) and call again.');
}

async function verified(path: string, uid: number): Promise<string> {
  const stat = await lstat(path);
  if (!stat.isSocket() || stat.uid !== uid) throw new AppError('agent_start_failed', 'The agent’s socket is not its own. Remove the agent (cleanup_inactive_agents) and call again.');
  return path;
}

async function connected(socket: Socket): Promise<Socket> {
  await once(socket, 'connect');
  return socket;
}

const POLL_MS = 10;

/** Waits until the socket accepts connections. `alive` is asked in between; it throws when waiting is in vain. */
export async function waitForAppServer(target: AppServerSocket, timeoutMs: number, alive: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let tries = 0; ; tries++) {
    try {
      (await openAppServerSocket(target)).destroy();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new AppError('agent_start_failed', `The agent’s Codex did not start within ${timeoutMs} ms.`, { cause: error });
    }
    if (tries % 20 === 19) await alive();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
