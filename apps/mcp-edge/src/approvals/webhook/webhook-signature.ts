import { createHmac } from 'node:crypto';
import type { Secret } from '@codex-mcp/config';

/**
 * The header X-Codex-MCP-Signature: `t=<Unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`. With the time in it, an old request
 * cannot be sent again as a new one.
 */
export function signatureOf(secret: Secret, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  return `t=${seconds},v1=${createHmac('sha256', secret.reveal()).update(`${seconds}.${body}`).digest('hex')}`;
}
