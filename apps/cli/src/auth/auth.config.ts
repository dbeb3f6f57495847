import { auditFields, flag, hostFields, loadConfig, seconds, textWithDefault } from '@codex-mcp/config';
import { credentialFields } from '@codex-mcp/credentials';
import { z } from 'zod';

const CHATGPT_BASE_URL = 'https://chatgpt.com/backend-api/codex';

export const AuthConfig = z.object({
  ...credentialFields,
  ...hostFields,
  ...auditFields,
  OAUTH_CALLBACK_TIMEOUT: seconds(300).describe('Seconds that `npm run auth -- login` waits for somebody to sign in'),
  OAUTH_AUTO_OPEN_BROWSER: flag(true).describe('false: `npm run auth -- login` prints the page’s address and opens no browser'),
  CHATGPT_BASE_URL: textWithDefault(CHATGPT_BASE_URL).describe('Where requests go with a ChatGPT sign-in, also when OPENAI_BASE_URL is set'),
});
export type AuthConfig = z.output<typeof AuthConfig>;

export type Environment = Readonly<Record<string, string | undefined>>;

export const loadAuthConfig = (env: Environment): AuthConfig => {
  const config = loadConfig(AuthConfig, env);
  return { ...config, RUN_DIR: env['RUN_DIR'] || `${config.DATA_DIR}/run`, AUDIT_DIR: config.AUDIT_DIR ?? `${config.DATA_DIR}/audit` };
};

/** What Codex would sign in with by itself, or take for a key that it was given. */
const CREDENTIALS = ['OPENAI_API_KEY', 'CODEX_API_KEY', 'CODEX_ACCESS_TOKEN', 'CHATGPT_OAUTH_TOKEN'];

/** The environment of the Codex that signs in or out: the user's own, with a home that is only for this. */
export function codexEnvironment(env: Environment, home: string): Environment {
  return { ...Object.fromEntries(Object.entries(env).filter(([name]) => !CREDENTIALS.includes(name))), CODEX_HOME: home };
}

/** Settings with which Codex keeps its sign-in in that home and does nothing else. */
export function codexSettings(config: AuthConfig): string[] {
  const backend = config.CHATGPT_BASE_URL === CHATGPT_BASE_URL ? [] : [`chatgpt_base_url="${config.CHATGPT_BASE_URL.replace(/\/codex\/?$/, '')}"`];
  return ['cli_auth_credentials_store="file"', 'check_for_update_on_startup=false', 'analytics.enabled=false', 'features.plugins=false', ...backend];
}
