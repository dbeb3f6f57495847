import { join, resolve } from 'node:path';
import type { CredentialVariables } from './credential-fields.config.js';

/** Where sign-ins are: codex-mcp's own, then those of the user's Codex CLI, in the order in which they count. */
export function credentialPaths(variables: CredentialVariables): { own: string; shared: string[] } {
  const expand = (path: string) => resolve(path.replace(/^~(?=\/|$)/, variables.HOME));
  if (variables.OAUTH_TOKEN_STORAGE_PATH !== undefined) return { own: expand(variables.OAUTH_TOKEN_STORAGE_PATH), shared: [] };
  const own = join(expand(variables.CREDENTIALS_DIR ?? join(variables.DATA_DIR, 'credentials')), 'auth.json');
  const directory = variables.CODEX_AUTH_DIR ?? variables.CODEX_HOME;
  if (directory !== undefined) return { own, shared: [join(expand(directory), 'auth.json')] };
  const homes = [variables.HOME, variables.USERPROFILE].filter((home) => home !== undefined);
  return { own, shared: homes.map((home) => join(home, '.codex', 'auth.json')) };
}

/** What the refresh of an auth.json keeps beside it: lock, next content, refused token. */
export const refreshDirectory = (authFile: string): string => `${authFile}.refresh`;

/** A path as its user would write it. */
export const displayPath = (path: string, home: string): string => (path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path);
