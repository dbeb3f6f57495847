import { createHash } from 'node:crypto';
import { z } from 'zod';

/** `read`: look. `run`: have agents work, and change them. `admin`: end and remove agents, see the queues of all tenants. */
export const Scope = z.enum(['read', 'run', 'admin']);
export type Scope = z.infer<typeof Scope>;

/** Whoever may do anything at all may look. */
export const allows = (granted: ReadonlySet<Scope>, needed: Scope): boolean => (needed === 'read' ? granted.size > 0 : granted.has(needed));

export const TENANT_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

/** One bearer token that clients may show, known by its hash only. */
export const AccessTokenEntry = z.strictObject({
  /** SHA-256 of the token in hex. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  tenant: z.string().regex(TENANT_PATTERN),
  scopes: z.array(Scope).min(1),
  /** Epoch ms; without it the token does not expire. */
  expiresAtMs: z.number().optional(),
  /** Whose it is, for logs. */
  name: z.string().regex(NAME_PATTERN).optional(),
});
export type AccessTokenEntry = z.infer<typeof AccessTokenEntry>;

/** What a line says that names no scopes. */
const DEFAULT_SCOPES: readonly Scope[] = ['read', 'run'];

const FIELD = /^(scopes|expires|name)=(\S+)$/;

export const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** The line of a tokens file: `<sha256 hex> <tenant> scopes=read,run expires=2027-01-31T00:00:00.000Z name=laptop`. */
export function formatAccessToken({ digest, tenant, scopes, expiresAtMs, name }: AccessTokenEntry): string {
  const expires = expiresAtMs === undefined ? [] : [`expires=${new Date(expiresAtMs).toISOString()}`];
  return [digest, tenant, `scopes=${scopes.join(',')}`, ...expires, ...(name === undefined ? [] : [`name=${name}`])].join(' ');
}

/** Reads such a line; all but hash and tenant may be missing, and a date may do without its time. Undefined for anything else. */
export function parseAccessToken(line: string): AccessTokenEntry | undefined {
  const [digest, tenant, ...rest] = line.trim().split(/\s+/);
  const pairs = rest.map((word) => FIELD.exec(word)?.slice(1) as [string, string] | undefined);
  const given = Object.fromEntries(pairs.filter((pair) => pair !== undefined));
  if (Object.keys(given).length < rest.length) return undefined; // a field twice, or an unknown one
  const { scopes, expires, name } = given;
  const entry = { digest, tenant, scopes: scopes?.split(',') ?? DEFAULT_SCOPES, ...(expires !== undefined && { expiresAtMs: timeOf(expires) }), ...(name !== undefined && { name }) };
  return AccessTokenEntry.safeParse(entry).data;
}

/** NaN, which no schema takes, for what is no date of ISO 8601. */
const timeOf = (text: string): number => (/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN);
