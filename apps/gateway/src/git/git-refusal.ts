import type { ServerResponse } from 'node:http';
import { PrivateAddressError } from '../addresses/address-guard.js';

const STATUS = {
  not_git: 404,
  host_not_allowed: 403,
  push_not_allowed: 403,
  private_address: 403,
  unauthorized: 403,
  no_repository: 404,
  too_large: 413,
  redirected: 502,
  host_failed: 502,
  unreachable: 502,
  timeout: 504,
  agent_gone: 499,
  misconfigured: 500,
} as const;

export type GitEnd = keyof typeof STATUS | 'completed';

/** Why an exchange of git ends before its time; the message is for the agent, git shows it as the remote's words. */
export class GitRefusal extends Error {
  override readonly name = 'GitRefusal';

  constructor(
    readonly end: keyof typeof STATUS,
    message: string,
  ) {
    super(message);
  }
}

/** Whatever failed on the way, with no more of it than its code. */
export function explainFailure(error: unknown, host: { name: string }): GitRefusal {
  if (error instanceof GitRefusal) return error;
  if (error instanceof PrivateAddressError) return new GitRefusal('private_address', `${host.name} is in a private network. The operator can allow that with its address: GIT_HOSTS=${host.name}=<address>.`);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'open' || syscall === 'stat' || syscall === 'read') return new GitRefusal('misconfigured', `GIT_CREDENTIALS_FILE cannot be read (${code ?? 'unknown error'}).`);
  return new GitRefusal('unreachable', `The codex-mcp gateway cannot reach ${host.name} (${code ?? 'unknown error'}).`);
}

/** As plain text, which git shows; an answer that has begun is broken off. */
export function sendRefusal(response: ServerResponse, { end, message }: GitRefusal): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(STATUS[end], { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(`${message}\n`) }).end(`${message}\n`);
}
