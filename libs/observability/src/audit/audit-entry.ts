import { redactText } from '../redaction.js';

/** Everything that is audited. Documented in docs/configuration.md. */
export type AuditAction =
  | 'tool.call'
  | 'rest.call'
  | 'mcp.request'
  | 'request.refused'
  | 'session.opened'
  | 'session.ended'
  | 'turn.ended'
  | 'approval.asked'
  | 'approval.answered'
  | 'agent.ensure'
  | 'agent.stop'
  | 'agent.remove'
  | 'pull_request.open'
  | 'model.request'
  | 'model.refused'
  | 'egress.connect'
  | 'git.request'
  | 'sign_in.changed'
  | 'sign_in.refreshed'
  | 'sign_in.login'
  | 'sign_in.logout'
  | 'tokens.reloaded'
  | 'envelope.refused';

/** `refused`: it was not allowed. `failed`: it was, and did not succeed. */
export type AuditOutcome = 'ok' | 'refused' | 'failed';

/** Names, sizes and codes; never a prompt, an answer, a file's content or a credential. */
export type AuditDetail = Readonly<Record<string, string | number | boolean | undefined>>;

export type AuditEntry = {
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly tenant?: string | undefined;
  /** Who within the tenant, by a name that opens nothing. */
  readonly principal?: string | undefined;
  readonly agentId?: string | undefined;
  readonly turnId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly detail?: AuditDetail | undefined;
};

const MAX_NAME_CHARACTERS = 128;
const MAX_DETAIL_CHARACTERS = 300;
const MAX_READ_CHARACTERS = 4096;

/** Names that a value must not stand under, whatever it looks like. */
const SECRET_NAME = /secret|token$|password|authorization|api_?key|cookie/i;
/** Principals of token files are hashes of their tokens, which need not be whole to tell them apart. */
const LONG_HASH = /^[0-9a-f]{64}$/;

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text);

const nameOf = (name: string | undefined): string | undefined => (name === undefined ? undefined : LONG_HASH.test(name) ? name.slice(0, 16) : cut(redactText(name), MAX_NAME_CHARACTERS));

function clean(detail: AuditDetail): AuditDetail {
  const entries = Object.entries(detail).map(([key, value]) => [key, typeof value !== 'string' ? value : SECRET_NAME.test(key) ? '[secret]' : cut(redactText(cut(value, MAX_READ_CHARACTERS)), MAX_DETAIL_CHARACTERS)]);
  return Object.fromEntries(entries) as AuditDetail;
}

/** The line of an entry, without what looks like a secret, ending with "\n". */
export function lineOf({ action, outcome, tenant, principal, agentId, turnId, correlationId, detail }: AuditEntry, base: object, atMs: number): string {
  const entry = { at: new Date(atMs).toISOString(), ...base, action, outcome, tenant: nameOf(tenant), principal: nameOf(principal), agentId: nameOf(agentId), turnId: nameOf(turnId), correlationId: nameOf(correlationId), detail: detail && clean(detail) };
  return `${JSON.stringify(entry)}\n`;
}
