import { sign, verify } from 'node:crypto';
import { z } from 'zod';
import { ENVELOPE_ISSUERS, type EnvelopeIssuer, type EnvelopeKeys, readEnvelopeKeys } from './envelope-keys.js';

const Envelope = z.object({ issuer: z.enum(ENVELOPE_ISSUERS), issuedAtMs: z.number(), expiresAtMs: z.number(), signature: z.string().max(200) });
const Sealed = z.looseObject({ envelope: Envelope });

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** How long after its signature something counts. A turn may wait behind others for days; all else has somebody waiting for it. */
export const ENVELOPE_LIFETIMES_MS = { turn: 7 * DAY_MS, turnCommand: 5 * MINUTE_MS, approval: DAY_MS, result: 10 * MINUTE_MS, relay: 2 * MINUTE_MS } as const;

/** Clocks of hosts differ. */
const SKEW_MS = 2 * MINUTE_MS;

/**
 * Signs what this process puts into Redis, and tells what another has not signed. A sealed object has one more property, `envelope`:
 * who signed it, when, and until when it counts. The signature is over these, an action and all else of the object, so that it stands
 * for nothing else; what binds it to a tenant, an agent or a turn is in the object, or in the action. Ed25519: whoever can verify cannot
 * sign. Without keys nothing is signed and nothing told apart.
 */
export class Envelopes {
  /** Of a process without keys. */
  static readonly none = new Envelopes('worker', undefined);

  constructor(
    private readonly issuer: EnvelopeIssuer,
    private readonly keys: EnvelopeKeys | undefined,
    private readonly now: () => number = Date.now,
  ) {}

  /** With the keys of a directory, where one is named. Throws an AppError for keys that cannot be read. */
  static from(directory: string | undefined, issuer: EnvelopeIssuer): Envelopes {
    return new Envelopes(issuer, directory === undefined ? undefined : readEnvelopeKeys(directory, issuer));
  }

  seal<Body extends object>(action: string, body: Body, lifetimeMs: number): Body {
    if (!this.keys) return body;
    const issuedAtMs = this.now();
    const head = { issuer: this.issuer, issuedAtMs, expiresAtMs: issuedAtMs + Math.ceil(lifetimeMs) };
    // As JSON.parse will give it back: what JSON leaves out must not be signed either.
    const signature = sign(null, signedBytes(action, head, JSON.parse(JSON.stringify(body))), this.keys.own).toString('base64url');
    return { ...body, envelope: { ...head, signature } };
  }

  /** Why `value`, parsed from JSON, is not what one of `issuers` has signed for `action`; undefined where it is. */
  flaw(action: string, value: unknown, issuers: readonly EnvelopeIssuer[]): string | undefined {
    if (!this.keys) return undefined;
    const sealed = Sealed.safeParse(value);
    if (!sealed.success) return 'unsigned';
    const { envelope: _envelope, ...body } = value as { envelope: unknown };
    const { issuer, issuedAtMs, expiresAtMs, signature } = sealed.data.envelope;
    if (!issuers.includes(issuer)) return `signed by a ${issuer}`;
    const bytes = signedBytes(action, { issuer, issuedAtMs, expiresAtMs }, body);
    const trusted = this.keys.trusted.get(issuer) ?? [];
    if (trusted.length === 0) return `signed by a ${issuer}, and no key of ${issuer} is trusted here`;
    const isGenuine = trusted.some((key) => verify(null, bytes, key, Buffer.from(signature, 'base64url')));
    if (!isGenuine) return 'altered, or signed for something else';
    if (expiresAtMs + SKEW_MS < this.now()) return 'expired';
    return issuedAtMs - SKEW_MS > this.now() ? 'signed in the future' : undefined;
  }
}

const signedBytes = (action: string, { issuer, issuedAtMs, expiresAtMs }: Omit<z.infer<typeof Envelope>, 'signature'>, body: unknown): Buffer =>
  Buffer.from(JSON.stringify(['codex-mcp envelope 1', action, issuer, issuedAtMs, expiresAtMs, body]));
