import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { HttpAnswer } from './http-answer.js';

export interface FakeJwtClaims {
  readonly email?: string;
  readonly plan?: string;
  readonly accountId?: string;
  readonly userId?: string;
  /** Lifetime from now; negative for a token that has expired. */
  readonly lifetimeSeconds?: number;
}

/** A JWT with the claims that Codex reads. The signature is not valid: Codex does not check it. */
export function fakeJwt(claims: FakeJwtClaims = {}): string {
  const { email = 'agent@example.test', plan = 'pro', accountId = 'acct_fake', userId = 'user_fake', lifetimeSeconds = 3600 } = claims;
  const issuedAt = Math.floor(Date.now() / 1000);
  const payload = {
    iss: 'https://auth.openai.com',
    aud: ['app_fake'],
    sub: userId,
    iat: issuedAt,
    exp: issuedAt + lifetimeSeconds,
    jti: randomUUID(),
    email,
    email_verified: true,
    'https://api.openai.com/auth': { chatgpt_plan_type: plan, chatgpt_account_id: accountId, chatgpt_user_id: userId, user_id: userId },
    'https://api.openai.com/profile': { email },
  };
  return [{ alg: 'RS256', typ: 'JWT', kid: 'fake' }, payload, 'signature'].map(encode).join('.');
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

const refreshSchema = z.looseObject({ grant_type: z.string().optional(), refresh_token: z.string().optional() });

/** `POST /oauth/token`: new tokens each time. As at OpenAI, a refresh token works once. */
export class TokenEndpoint {
  private readonly spentTokens = new Set<string>();
  private override: HttpAnswer | undefined;

  /** Gives every request this answer; undefined goes back to new tokens. */
  always(answer: HttpAnswer | undefined): void {
    this.override = answer;
  }

  clear(): void {
    this.spentTokens.clear();
    this.override = undefined;
  }

  answer(body: unknown): HttpAnswer {
    if (this.override) return this.override;
    const parsed = refreshSchema.safeParse(body);
    const refreshToken = parsed.data?.refresh_token;
    if (refreshToken !== undefined) {
      if (this.spentTokens.has(refreshToken)) return refused;
      this.spentTokens.add(refreshToken);
    }
    return {
      status: 200,
      body: {
        id_token: fakeJwt(),
        access_token: fakeJwt(),
        refresh_token: `rt_fake_${randomUUID()}`,
        token_type: 'Bearer',
        expires_in: 3600,
      },
    };
  }
}

const refused: HttpAnswer = {
  status: 401,
  body: { error: { message: 'This refresh token has already been used.', type: 'invalid_request_error', code: 'refresh_token_reused' } },
};
