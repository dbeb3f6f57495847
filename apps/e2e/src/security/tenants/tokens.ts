import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccessTokenEntry, digestOf, formatAccessToken } from '@codex-mcp/contracts';
import type { Environment } from '../../stack/launched.process.js';

/** Tokens of two tenants who have nothing to do with each other, each of whom may do everything, and one whose time is over. */
export const TOKENS = { victim: 'token-of-the-victim', attacker: 'token-of-the-attacker', expired: 'token-of-yesterday' } as const;

const EVERYTHING = ['read', 'run', 'admin'] as const;

export async function writeTokens(directory: string): Promise<Environment> {
  const path = join(directory, 'tokens');
  const entry = (token: string, tenant: string, more: Partial<AccessTokenEntry> = {}) => formatAccessToken({ digest: digestOf(token), tenant, scopes: [...EVERYTHING], ...more });
  const lines = [entry(TOKENS.victim, 'victims'), entry(TOKENS.attacker, 'attackers'), entry(TOKENS.expired, 'victims', { expiresAtMs: Date.now() - 1 })];
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { MCP_AUTH_TOKENS_FILE: path };
}
