import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, DEFAULT_PROFILE } from '@codex-mcp/contracts';
import { credentialPaths, displayPath, parseAuthJson, removeAuthFile } from '@codex-mcp/credentials';
import type { AuthConfig, Environment } from './auth.config.js';
import { CodexProcess } from './codex.process.js';

/** Removes codex-mcp's own sign-in of a profile and has Codex revoke it at OpenAI. The user's Codex CLI keeps its own. Returns what to tell the user. */
export async function logout(config: AuthConfig, env: Environment, profile: string): Promise<string> {
  const { own } = credentialPaths(config, profile);
  const removed = await removeAuthFile(own);
  const place = displayPath(own, config.HOME);
  if (removed === undefined && profile !== DEFAULT_PROFILE) throw new AppError('not_signed_in', `The profile "${profile}" is not signed in: there is no ${place}.`);
  if (removed === undefined) throw new AppError('not_signed_in', `codex-mcp has no sign-in of its own at ${place}. One of your Codex CLI ends with \`codex logout\`; an OPENAI_API_KEY with its removal from the environment.`);
  const signedOut = `Signed out: ${place} is gone.`;
  if (!parseAuthJson(removed)?.tokens?.refresh_token) return signedOut;
  return (await revoke(removed, config, env, dirname(own))) ? `${signedOut} OpenAI has been told.` : `${signedOut} OpenAI could not be told; end the session in ChatGPT’s settings if somebody else may have a copy.`;
}

async function revoke(authJson: string, config: AuthConfig, env: Environment, directory: string): Promise<boolean> {
  try {
    const codex = await CodexProcess.start(config, env, directory, (home) => writeFile(join(home, 'auth.json'), authJson, { mode: 0o600 }));
    try {
      await codex.request('account/logout', undefined);
      return true;
    } finally {
      await codex.stop();
    }
  } catch {
    return false;
  }
}
