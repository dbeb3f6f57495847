import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_PROFILE, ProfileName } from '@codex-mcp/contracts';
import type { CredentialVariables } from './credential-fields.config.js';

/** Where sign-ins are: codex-mcp's own, then those of the user's Codex CLI, in the order in which they count. */
export function credentialPaths(variables: CredentialVariables, profile = DEFAULT_PROFILE): { own: string; shared: string[] } {
  if (profile !== DEFAULT_PROFILE) return { own: join(profilesDirectory(variables), profile, 'auth.json'), shared: [] };
  const expand = (path: string) => expanded(path, variables);
  if (variables.OAUTH_TOKEN_STORAGE_PATH !== undefined) return { own: expand(variables.OAUTH_TOKEN_STORAGE_PATH), shared: [] };
  const own = join(ownDirectory(variables), 'auth.json');
  const directory = variables.CODEX_AUTH_DIR ?? variables.CODEX_HOME;
  if (directory !== undefined) return { own, shared: [join(expand(directory), 'auth.json')] };
  const homes = [variables.HOME, variables.USERPROFILE].filter((home) => home !== undefined);
  return { own, shared: homes.map((home) => join(home, '.codex', 'auth.json')) };
}

/** Profiles that are signed in, or were, by their names. */
export function storedProfiles(variables: CredentialVariables): string[] {
  const directory = profilesDirectory(variables);
  return existsSync(directory) ? readdirSync(directory).filter((name) => ProfileName.safeParse(name).success && name !== DEFAULT_PROFILE).toSorted() : [];
}

const expanded = (path: string, { HOME }: CredentialVariables): string => resolve(path.replace(/^~(?=\/|$)/, HOME));
const ownDirectory = (variables: CredentialVariables): string => expanded(variables.CREDENTIALS_DIR ?? join(variables.DATA_DIR, 'credentials'), variables);
const profilesDirectory = (variables: CredentialVariables): string => join(ownDirectory(variables), 'profiles');

/** What the refresh of an auth.json keeps beside it: lock, next content, refused token. */
export const refreshDirectory = (authFile: string): string => `${authFile}.refresh`;

/** A path as its user would write it. */
export const displayPath = (path: string, home: string): string => (path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path);
