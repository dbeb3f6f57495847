import { randomBytes } from 'node:crypto';

/** By what a caller can mean something: its own, somebody else's, or nobody's. */
export type References = { readonly agent: string; readonly turn: string; readonly thread: string; readonly approval: string; readonly session: string; readonly sseSession: string; readonly idempotencyKey: string };

const hex = (): string => randomBytes(16).toString('hex');

/** What nobody has. */
export const nobodys = (): References => ({
  agent: `agent-${randomBytes(4).toString('hex')}`,
  turn: `turn_${hex()}`,
  thread: `thread_${hex()}`,
  approval: `approval_${hex()}`,
  session: hex(),
  sseSession: hex(),
  idempotencyKey: hex(),
});

/** An answer without what differs between any two: what it was asked about, ids, numbers. */
export function blurred(text: string, refs: References): string {
  const named = Object.entries(refs).reduce((rest, [kind, value]) => rest.replaceAll(value, `<${kind}>`), text);
  return named.replaceAll(/[0-9a-f]{8,}/g, '<hex>').replaceAll(/\d+/g, '0');
}
