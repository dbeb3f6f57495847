import { createHash, timingSafeEqual } from 'node:crypto';

type Entry = { readonly digest: Buffer; readonly tenant: string };

const LINE = /^([0-9a-f]{64})\s+([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;

/** The bearer tokens that this server accepts, known by their hashes only. */
export class AccessTokens {
  constructor(private readonly entries: readonly Entry[]) {}

  /** The tenant of a token and a name for the token that does not reveal it; undefined when it is not accepted. */
  identify(token: string): { tenant: string; tokenId: string } | undefined {
    const digest = createHash('sha256').update(token).digest();
    let found: Entry | undefined;
    // Every entry is compared, so that the time taken says nothing of the place.
    for (const entry of this.entries) if (timingSafeEqual(entry.digest, digest)) found = entry;
    return found && { tenant: found.tenant, tokenId: digest.toString('hex') };
  }
}

/** Parses lines of `<sha256 hex of the token> <tenant>`; "#" starts a comment. Throws with the number of a line that does not fit. */
export function parseAccessTokens(text: string): AccessTokens {
  const entries = text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') return [];
    const [, digest, tenant] = LINE.exec(line) ?? [];
    if (digest === undefined || tenant === undefined) throw new Error(`line ${index + 1} is not "<sha256 hex of the token> <tenant>" (hash a token with: printf %s TOKEN | sha256sum)`);
    return [{ digest: Buffer.from(digest, 'hex'), tenant }];
  });
  if (entries.length === 0) throw new Error('holds no token, so nobody could connect; add a line "<sha256 hex of the token> <tenant>"');
  return new AccessTokens(entries);
}
