import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { ConfigError } from '@codex-mcp/config';

const SECRET_BYTES = 32;

function readSecret(path: string): Buffer {
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64url');
  if (secret.length < SECRET_BYTES) throw new ConfigError(`${path} does not hold a secret of ${SECRET_BYTES} bytes. Remove it; the gateway then writes a new one.`);
  chmodSync(path, 0o600);
  return secret;
}

/** The key behind all agent tokens of this host, created on first use. */
export function loadTokenSecret(path: string): Buffer {
  try {
    writeFileSync(path, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readSecret(path);
}

/** The token in the URL of an agent without a container: the same for as long as the secret is. */
export const agentToken = (secret: Buffer, agentKey: string): string => createHmac('sha256', secret).update(agentKey).digest('base64url');
