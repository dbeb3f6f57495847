import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What Codex 0.169 writes after a sign-in; older versions write no `auth_mode`. Fields not named here are kept. */
export const AuthJson = z.looseObject({
  auth_mode: z.string().nullish(),
  OPENAI_API_KEY: z.string().min(1).nullish(),
  tokens: z
    .looseObject({
      id_token: z.string().nullish(),
      access_token: z.string().min(1),
      refresh_token: z.string().min(1).nullish(),
      account_id: z.string().min(1).nullish(),
      /** Who issued the tokens, and to which client. */
      oauth_provenance: z.looseObject({ issuer: z.url().nullish(), client_id: z.string().nullish() }).nullish().catch(undefined),
    })
    .nullish(),
});
export type AuthJson = z.infer<typeof AuthJson>;

/** Names a token where the token itself must not be. */
export const tokenDigest = (token: string): string => createHash('sha256').update(token).digest('hex').slice(0, 32);

/** An auth.json that is JSON and has the form of one; undefined for anything else. */
export function parseAuthJson(text: string): AuthJson | undefined {
  try {
    return AuthJson.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
