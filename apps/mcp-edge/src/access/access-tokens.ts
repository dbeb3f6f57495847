import { timingSafeEqual } from 'node:crypto';
import { type AccessTokenEntry, digestOf, parseAccessToken } from '@codex-mcp/contracts';

type Entry = AccessTokenEntry & { readonly bytes: Buffer };

const FORM = '"<sha256 hex of the token> <tenant>", with scopes=read,run,admin and expires=2027-01-31 and name=laptop where they are to be other than read,run, never and nobody (npm run auth -- token makes a token and its line)';

/** The bearer tokens that this server accepts, known by their hashes only. */
export class AccessTokens {
  private readonly entries: readonly Entry[];

  constructor(entries: readonly AccessTokenEntry[]) {
    this.entries = entries.map((entry) => ({ ...entry, bytes: Buffer.from(entry.digest, 'hex') }));
  }

  get count(): number {
    return this.entries.length;
  }

  /** What is known of a token, expired or not; undefined when it is not known. */
  find(token: string): AccessTokenEntry | undefined {
    const digest = Buffer.from(digestOf(token), 'hex');
    let found: Entry | undefined;
    // Every entry is compared, so that the time taken says nothing of the place.
    for (const entry of this.entries) if (timingSafeEqual(entry.bytes, digest)) found = entry;
    return found;
  }

  /** The tokens that have not expired at that time (epoch ms). */
  validAt(timeMs: number): readonly AccessTokenEntry[] {
    return this.entries.filter((entry) => !hasExpired(entry, timeMs));
  }
}

export const hasExpired = ({ expiresAtMs = Number.POSITIVE_INFINITY }: Pick<AccessTokenEntry, 'expiresAtMs'>, timeMs: number): boolean => expiresAtMs <= timeMs;

/** Parses a line for each token; "#" starts a comment. Throws with the number of a line that does not fit, and where there is nothing at all. */
export function parseAccessTokens(text: string): AccessTokens {
  if (text.trim() === '') throw new Error(`is empty, so nobody could connect; add a line ${FORM}`);
  const entries = text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') return [];
    const entry = parseAccessToken(line);
    if (!entry) throw new Error(`line ${index + 1} is not ${FORM}`);
    return [entry];
  });
  return new AccessTokens(entries);
}
