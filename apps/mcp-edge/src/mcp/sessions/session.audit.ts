import type { AuditEntry } from '@codex-mcp/observability';
import { z } from 'zod';
import type { Principal } from '../../access/principal.js';

/** Enough to tell sessions apart; the whole of an id is the client's and the server's. */
const SHOWN_CHARACTERS = 8;

const ClientInfo = z.object({ name: z.string(), version: z.string() });

/** That a session began or ended, and whose it is. */
export function sessionEntry(action: 'session.opened' | 'session.ended', id: string, transport: 'http' | 'sse', principal: Principal | undefined, clientInfo?: unknown): AuditEntry {
  const client = ClientInfo.safeParse(clientInfo).data;
  return { action, outcome: 'ok', tenant: principal?.tenant, principal: principal?.id, detail: { session: id.slice(0, SHOWN_CHARACTERS), transport, client: client && `${client.name} ${client.version}` } };
}
