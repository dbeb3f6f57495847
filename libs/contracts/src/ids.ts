import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** What an agent id must look like after {@link normaliseAgentId}. */
export const AGENT_ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export const AGENT_ID_RULE = 'an agent_id is 1-63 characters: lower-case letters, digits, "-" and "_", starting with a letter or digit';

/** The tenant of every caller when the edge runs without tokens. */
export const LOCAL_TENANT = 'local';

/** Lower-cases, trims and turns blanks, dots and slashes into "-". Returns undefined where no valid id remains, and for what is not ASCII: some of that has an ASCII lower case. */
export function normaliseAgentId(raw: string): string | undefined {
  if (!/^[\t-\r -~]*$/.test(raw)) return undefined;
  const id = raw.trim().toLowerCase().replace(/[\s./]+/g, '-');
  return AGENT_ID_PATTERN.test(id) ? id : undefined;
}

/** An agent id made from free text such as a client's name; never fails. */
export function slugAgentId(text: string): string {
  const slug = text.toLowerCase().replace(/[^a-z0-9_-]+/g, '-').replace(/^[-_]+/, '').slice(0, 63).replace(/[-_]+$/, '');
  return slug || 'default';
}

/** Names an agent's container, volumes and keys: 32 hex digits of a hash over tenant and agent id. */
export function agentKey(tenant: string, agentId: string): string {
  return createHash('sha256').update(`${tenant}\0${agentId}`).digest('hex').slice(0, 32);
}

/** 128 random bits; also the BullMQ job id, so it holds no ":". */
export function newTurnId(): string {
  return `turn_${randomBytes(16).toString('hex')}`;
}

/** A conversation's name, whatever Codex calls it. */
export function newThreadId(): string {
  return `thread_${randomBytes(16).toString('hex')}`;
}

/** The same for the same question of a turn, whoever sees it; no ":" either. `parts`: what tells it from the turn's others. */
export function approvalIdOf(turnId: string, ...parts: string[]): string {
  return `approval_${createHash('sha256').update([turnId, ...parts].join('\0')).digest('hex').slice(0, 32)}`;
}

export const newToken = (): string => randomBytes(32).toString('base64url');

/** Each request has one: Node makes UUIDs from random bytes that it fetches for many at once. */
export const newCorrelationId = (): string => randomUUID().replaceAll('-', '').slice(16);
