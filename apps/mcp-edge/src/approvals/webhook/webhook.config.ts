import { readFileSync } from 'node:fs';
import { ConfigError, Secret } from '@codex-mcp/config';

const MIN_SECRET_CHARACTERS = 16;

export type Webhook = { readonly url: Secret; readonly secret: Secret };

/** Where approvals are announced; undefined where nowhere. Throws a ConfigError, which tells neither value. */
export function readWebhook(url: Secret | undefined, secretFile: string | undefined): Webhook | undefined {
  if (url === undefined) return undefined;
  if (!/^https?:\/\//i.test(url.reveal()) || !URL.canParse(url.reveal())) throw new ConfigError('APPROVAL_WEBHOOK_URL must be a URL that begins with https:// or http://.');
  if (secretFile === undefined) throw new ConfigError('APPROVAL_WEBHOOK_URL needs APPROVAL_WEBHOOK_SECRET_FILE, so that its receiver can tell our requests from others: a file with a long random text, such as `openssl rand -hex 32` prints.');
  const secret = readSecret(secretFile);
  if (secret.length < MIN_SECRET_CHARACTERS) throw new ConfigError(`APPROVAL_WEBHOOK_SECRET_FILE ${secretFile} holds less than ${MIN_SECRET_CHARACTERS} characters; put a long random text into it, such as \`openssl rand -hex 32\` prints.`);
  return { url, secret: new Secret(secret) };
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`APPROVAL_WEBHOOK_SECRET_FILE ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
