import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '@codex-mcp/config';
import { runPaths } from '@codex-mcp/contracts';

/** What sockaddr_un holds without its final NUL; a longer path is cut silently and binds elsewhere. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

const LONGEST_KEY = 'f'.repeat(32);

/** Creates RUN_DIR for its owner alone and returns its absolute path; throws a ConfigError where it cannot serve. */
export function prepareRunDir(configured: string): string {
  const runDir = resolve(configured);
  const room = SOCKET_PATH_BYTES - Buffer.byteLength(runPaths.agentGatewaySocket('', LONGEST_KEY));
  if (Buffer.byteLength(runDir) > room) {
    throw new ConfigError(`RUN_DIR is too long for the sockets below it: ${Buffer.byteLength(runDir)} bytes, ${room} at most. Choose a shorter RUN_DIR.`);
  }
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(runDir);
  if (uid === process.getuid?.() && (mode & 0o077) !== 0) chmodSync(runDir, 0o700);
  return runDir;
}
