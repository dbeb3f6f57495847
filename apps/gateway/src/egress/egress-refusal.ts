import type { Duplex } from 'node:stream';
import { PrivateAddressError } from '../addresses/address-guard.js';

/** With the words of the status line, which are all that most clients show. */
const STATUS = {
  bad_request: [400, 'Not a host and port'],
  not_allowed: [403, 'Not in EGRESS_ALLOW'],
  private_address: [403, 'Private address'],
  too_many: [429, 'Too many connections'],
  unreachable: [502, 'Host unreachable'],
} as const;

type Refused = keyof typeof STATUS;
type Broken = 'too_large' | 'timeout' | 'idle' | 'agent_gone' | 'host_gone' | 'stopped';
/** `not_connect`: a request for another server that does not ask for a connection. */
export type EgressEnd = Refused | Broken | 'not_connect' | 'completed';

/** Why a way out is not opened; the message is for the agent. */
export class EgressRefusal extends Error {
  override readonly name = 'EgressRefusal';

  constructor(
    readonly end: Refused,
    message: string,
  ) {
    super(message);
  }
}

/** Why one that was open is cut. */
export class EgressCut extends Error {
  override readonly name = 'EgressCut';

  constructor(readonly end: Broken) {
    super(end);
  }
}

export function explainUnreachable(error: unknown, host: string): EgressRefusal {
  if (error instanceof EgressRefusal) return error;
  if (error instanceof PrivateAddressError) return new EgressRefusal('private_address', `${host} is in a private network. The operator can allow that with its address: EGRESS_ALLOW=${host}=<address>.`);
  return new EgressRefusal('unreachable', `The codex-mcp gateway cannot reach ${host} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`);
}

/** The answer to CONNECT where the way is not opened. */
export function refuseConnect(socket: Duplex, { end, message }: EgressRefusal): void {
  const [status, words] = STATUS[end];
  const body = `${message}\n`;
  socket.resume();
  socket.end(`HTTP/1.1 ${status} ${words}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
