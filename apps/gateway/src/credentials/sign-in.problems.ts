import { DEFAULT_PROFILE } from '@codex-mcp/contracts';
import type { RefreshOutcome } from '../refresh/refresh.contract.js';

const LOGIN = '`npm run auth -- login`';

/** What makes the sign-in of a profile. */
export const loginCommand = (profile: string): string => (profile === DEFAULT_PROFILE ? LOGIN : `\`npm run auth -- login --profile ${profile}\``);

const NO_RESTART = 'it is picked up without a restart.';

/** Why a ChatGPT token cannot be used; undefined where it can, or will be renewed for whoever asks. */
export function problemOfToken(isUseless: boolean, isRefreshable: boolean, outcome: RefreshOutcome | undefined, login = LOGIN): string | undefined {
  if (!isUseless) return undefined;
  if (outcome?.outcome === 'refused') return `OpenAI has ended the ChatGPT sign-in (${outcome.reason}). Sign in again on the host: ${login}; ${NO_RESTART}`;
  return isRefreshable ? undefined : `The ChatGPT sign-in has expired, and codex-mcp cannot renew it here. Sign in on the host with ${login}, or run \`codex login\` again; ${NO_RESTART}`;
}

export const refreshTrouble = (reason: string): string => `The ChatGPT sign-in cannot be renewed at the moment: ${reason}. It is tried again.`;

/** The same for a profile of its own. */
export const notSignedIn = (profile: string): string => `Your requests go with the profile "${profile}", which is not signed in to OpenAI: run ${loginCommand(profile)} on the host; ${NO_RESTART}`;

export function nothingFound(method: 'auto' | 'oauth' | 'api_key', expectedAt: string): string {
  const login = `run ${LOGIN}, or \`codex login\` on the host (looked for ${expectedAt})`;
  const byMethod = { auto: `${login}, or set OPENAI_API_KEY`, oauth: login, api_key: 'set OPENAI_API_KEY, or run `npm run auth -- login --api-key`' };
  return `Not signed in to OpenAI: ${byMethod[method]}.`;
}
