import { AppError } from '@codex-mcp/contracts';

/** `reason`: what `error_description` says of a token that was shown. */
export class Unauthenticated extends AppError {
  constructor(readonly reason?: string) {
    super('unauthenticated', `${reason ?? 'This server asks for a token'}: send "Authorization: Bearer <token>" with one from its MCP_AUTH_TOKENS_FILE, or from its OAuth issuer.`);
  }
}
