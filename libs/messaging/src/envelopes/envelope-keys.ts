import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@codex-mcp/contracts';

/** Who signs, by the name of its program. */
export const ENVELOPE_ISSUERS = ['mcp-edge', 'worker', 'supervisor'] as const;
export type EnvelopeIssuer = (typeof ENVELOPE_ISSUERS)[number];

/** What one process signs with, and what it trusts of others: several keys of one issuer while they are exchanged. */
export type EnvelopeKeys = { readonly own: KeyObject; readonly trusted: ReadonlyMap<EnvelopeIssuer, readonly KeyObject[]> };

/** Makes the pair of each of these issuers that has none there: `<issuer>.key` for that program alone, `<issuer>.pub` for all. A key that is there stays. */
export function generateEnvelopeKeys(directory: string, issuers: readonly EnvelopeIssuer[] = ENVELOPE_ISSUERS): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const issuer of issuers) {
    const paths = { own: join(directory, `${issuer}.key`), public: join(directory, `${issuer}.pub`) };
    if (existsSync(paths.own) && existsSync(paths.public)) continue;
    if (!existsSync(paths.own)) writeFileSync(paths.own, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    writeFileSync(paths.public, createPublicKey(readKey(paths.own, createPrivateKey)).export({ type: 'spki', format: 'pem' }), { mode: 0o644 });
  }
}

/**
 * Reads `<issuer>.key` and every `<issuer>.pub` or `<issuer>-<anything>.pub` of a directory. Throws an AppError for one that is
 * missing or no Ed25519 key, and where another issuer has no key that could be trusted.
 */
export function readEnvelopeKeys(directory: string, issuer: EnvelopeIssuer): EnvelopeKeys {
  const read = (name: string, parse: (pem: string) => KeyObject): KeyObject => readKey(join(directory, name), parse);
  const own = read(`${issuer}.key`, createPrivateKey);
  const files = readdirSync(directory).filter((file) => file.endsWith('.pub'));
  const trusted = ENVELOPE_ISSUERS.map((one) => [one, files.filter((file) => file === `${one}.pub` || file.startsWith(`${one}-`)).map((file) => read(file, createPublicKey))] as const);
  const missing = trusted.find(([one, keys]) => one !== issuer && keys.length === 0);
  if (missing) throw new AppError('service_unavailable', `ENVELOPE_KEYS_DIR: ${join(directory, `${missing[0]}.pub`)} is missing: the ${issuer} would believe nothing of what a ${missing[0]} leaves in Redis. ${REMEDY}`);
  return { own, trusted: new Map(trusted) };
}

const REMEDY = 'Give each service its own <service>.key and mcp-edge.pub, worker.pub and supervisor.pub, all of one set (`npm start` without REDIS_URL makes one in DATA_DIR/keys), or unset ENVELOPE_KEYS_DIR everywhere.';

function readKey(path: string, parse: (pem: string) => KeyObject): KeyObject {
  try {
    const key = parse(readFileSync(path, 'utf8'));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw new AppError('service_unavailable', `ENVELOPE_KEYS_DIR: ${path} cannot be read as a key (${(error as NodeJS.ErrnoException).code ?? 'not PEM'}). ${REMEDY}`, { cause: error });
  }
  throw new AppError('service_unavailable', `ENVELOPE_KEYS_DIR: ${path} is no Ed25519 key.`);
}
