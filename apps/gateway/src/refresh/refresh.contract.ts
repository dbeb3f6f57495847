import { z } from 'zod';

/** What the gateway asks of the process that refreshes a sign-in, on its standard input. */
export const RefreshRequest = z.object({
  file: z.string().describe('The auth.json'),
  accessToken: z.string().describe('Digest of the access token that needs a successor'),
  tokenUrl: z.string().optional().describe('Instead of the /oauth/token of the tokens’ issuer'),
  httpsProxy: z.string().optional(),
  noProxy: z.string().optional(),
});
export type RefreshRequest = z.infer<typeof RefreshRequest>;

/**
 * What became of it, on its standard output. `renewed`: the file has another access token, whoever put it there.
 * `refused`: the issuer will not take this refresh token any more. `failed`: for now; a later attempt may succeed.
 */
export const RefreshOutcome = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('renewed'), by: z.enum(['refresh', 'another', 'recovery']) }),
  z.object({ outcome: z.literal('refused'), reason: z.string() }),
  z.object({ outcome: z.literal('failed'), reason: z.string() }),
]);
export type RefreshOutcome = z.infer<typeof RefreshOutcome>;
