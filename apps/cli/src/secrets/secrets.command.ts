import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@codex-mcp/config';
import { ENVELOPE_ISSUERS, generateEnvelopeKeys, REDIS_USERS, redisAdministrator, type RedisUser, redisUsers } from '@codex-mcp/messaging';
import { newPassword } from '../start/redis.service.js';

/**
 * Makes, for services of which each is given its own directory below this one and no other: `<service>/redis-password`, and for
 * those that sign `<service>/keys`, with the public keys of all. `redis` has the administrator's password and the users. Passwords
 * and keys that exist are kept; what follows from them is written anew, so that a later version's rules count. Returns the exit code.
 */
export function secrets(directory: string): number {
  const passwords = Object.fromEntries(REDIS_USERS.map((user) => [user, passwordIn(join(directory, user))])) as Record<RedisUser, string>;
  const administrator = passwordIn(join(directory, 'redis'));
  replaceFile(join(directory, 'redis', 'users.acl'), `${[redisAdministrator(administrator), ...redisUsers(passwords)].join('\n')}\n`);
  const keys = (issuer: string): string => join(directory, issuer, 'keys');
  for (const issuer of ENVELOPE_ISSUERS) generateEnvelopeKeys(keys(issuer), [issuer]);
  for (const issuer of ENVELOPE_ISSUERS) {
    const name = `${issuer}.pub`;
    const known = readFileSync(join(keys(issuer), name), 'utf8');
    for (const other of ENVELOPE_ISSUERS) if (other !== issuer) replaceFile(join(keys(other), name), known);
  }
  return 0;
}

function passwordIn(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'redis-password');
  if (!existsSync(file)) replaceFile(file, newPassword());
  return readFileSync(file, 'utf8');
}
