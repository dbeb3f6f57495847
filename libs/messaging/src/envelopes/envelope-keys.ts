import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@codex-mcp/contracts';

/** Who signs, by the name of its program. */
export const ENVELOPE_ISSUERS = ['mcp-edge', 'worker', 'supervisor'] as const;
export type EnvelopeIssuer = (typeof ENVELOPE_ISSUERS)[number];

/** What one process signs with, and what it trusts of others: several keys of one issuer while they are exchanged. */
export type EnvelopeKeys = { readonly own: KeyObject; readonly trusted: ReadonlyMap<EnvelopeIssuer, readonly KeyObject[]> };

/** Makes the pair of each of these issuers that has none there: `<issuer>.key` for that program alone, `<issuer>.pub` for all. */
export function generateEnvelopeKeys(directory: string, issuers: readonly EnvelopeIssuer[] = ENVELOPE_ISSUERS): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const issuer of issuers) {
    const paths = { own: join(directory, `${issuer}.key`), public: join(directory, `${issuer}.pub`) };
    if (existsSync(paths.own) && existsSync(paths.public)) continue;
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(paths.own, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    writeFileSync(paths.public, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644 });
  }
}

/**
 * Reads `<issuer>.key` and every `<issuer>.pub` or `<issuer>-<anything>.pub` of a directory. Throws an AppError for one that is
 * missing or no Ed25519 key.
 */
export function readEnvelopeKeys(directory: string, issuer: EnvelopeIssuer): EnvelopeKeys {
  const read = (name: string, parse: (pem: string) => KeyObject): KeyObject => {
    try {
      const key = parse(readFileSync(join(directory, name), 'utf8'));
      if (key.asymmetricKeyType === 'ed25519') return key;
    } catch (error) {
      throw new AppError('service_unavailable', `ENVELOPE_KEYS_DIR: ${join(directory, name)} cannot be read as a key (${(error as NodeJS.ErrnoException).code ?? 'not PEM'}). \`npm start\` makes the keys in DATA_DIR/keys; copy them from there, or unset ENVELOPE_KEYS_DIR everywhere.`, { cause: error });
    }
    throw new AppError('service_unavailable', `ENVELOPE_KEYS_DIR: ${join(directory, name)} is no Ed25519 key.`);
  };
  const own = read(`${issuer}.key`, createPrivateKey);
  const files = readdirSync(directory).filter((file) => file.endsWith('.pub'));
  const trusted = ENVELOPE_ISSUERS.map((one) => [one, files.filter((file) => file === `${one}.pub` || file.startsWith(`${one}-`)).map((file) => read(file, createPublicKey))] as const);
  return { own, trusted: new Map(trusted) };
}
