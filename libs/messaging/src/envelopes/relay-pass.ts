import { z } from 'zod';
import { ENVELOPE_LIFETIMES_MS, type Envelopes } from './envelopes.js';

/** What a worker shows a supervisor's relay beside its lease, which stands in Redis. */
export const RELAY_PASS_HEADER = 'x-relay-pass';

const RelayPass = z.object({ agentKey: z.string(), epoch: z.number(), supervisorId: z.string() });
export type RelayPass = z.infer<typeof RelayPass>;

const ACTION = 'relay';

/** For a header; for this one agent, epoch and supervisor, and for minutes. */
export const relayPass = (envelopes: Envelopes, pass: RelayPass): string => Buffer.from(JSON.stringify(envelopes.seal(ACTION, pass, ENVELOPE_LIFETIMES_MS.relay))).toString('base64url');

/** Why a header is not a worker's pass for this; undefined where it is. */
export function relayPassFlaw(envelopes: Envelopes, header: string | string[] | undefined, { agentKey, epoch, supervisorId }: RelayPass): string | undefined {
  const shown = parsed(typeof header === 'string' ? header : '');
  const flaw = envelopes.flaw(ACTION, shown, ['worker']);
  if (flaw !== undefined || shown === undefined) return flaw;
  const pass = RelayPass.safeParse(shown).data;
  return pass?.agentKey === agentKey && pass.epoch === epoch && pass.supervisorId === supervisorId ? undefined : 'signed for another agent, epoch or supervisor';
}

function parsed(header: string): unknown {
  try {
    return JSON.parse(Buffer.from(header, 'base64url').toString());
  } catch {
    return undefined;
  }
}
