import { z } from 'zod';

const Claims = z.object({
  exp: z.number().optional(),
  email: z.string().optional(),
  'https://api.openai.com/auth': z
    .object({ chatgpt_account_id: z.string().optional(), chatgpt_account_is_fedramp: z.boolean().optional(), chatgpt_plan_type: z.string().optional() })
    .optional(),
});

export type TokenClaims = { expiresAtMs: number | undefined; accountId: string | undefined; fedramp: boolean; email: string | undefined; plan: string | undefined };

function payloadOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Reads a JWT's claims without verifying it, which is its issuer's business. An opaque token has none. */
export function readClaims(token: string): TokenClaims {
  const claims = Claims.safeParse(payloadOf(token)).data;
  const auth = claims?.['https://api.openai.com/auth'];
  return {
    expiresAtMs: claims?.exp === undefined ? undefined : claims.exp * 1000,
    accountId: auth?.chatgpt_account_id,
    fedramp: auth?.chatgpt_account_is_fedramp ?? false,
    email: claims?.email,
    plan: auth?.chatgpt_plan_type,
  };
}
