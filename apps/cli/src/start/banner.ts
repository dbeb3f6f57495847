import type { Heartbeat, SignIn } from '@codex-mcp/contracts';
import { SHARED_SIGN_IN } from '../auth/shared-sign-in.js';
import type { StartConfig } from './start.config.js';

const pick = <Name extends Heartbeat['service']>(beats: Heartbeat[], name: Name) =>
  beats.find((beat): beat is Extract<Heartbeat, { service: Name }> => beat.service === name);

/** What a person needs after the start: where it is, what hosts agents, who is signed in, how to connect. */
export function banner(config: StartConfig, beats: Heartbeat[]): string {
  const host = config.BIND === '127.0.0.1' || config.BIND === '0.0.0.0' ? 'localhost' : config.BIND;
  const url = `http://${host}:${config.PORT}`;
  return [
    '',
    `codex-mcp serves at ${url}/sse and ${url}/mcp`,
    `  agents   ${runtimeLine(pick(beats, 'supervisor'))}`,
    `  sign-in  ${signInLine(pick(beats, 'gateway')?.signIn)}`,
    `  health   ${url}/health`,
    `  queues   ${url}/ops/queues`,
    `  data     ${config.DATA_DIR} (logs in logs/)`,
    '',
    'Connect Claude Code:',
    `  claude mcp add --transport sse codex-mcp ${url}/sse --scope user`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

function runtimeLine(supervisor: Extract<Heartbeat, { service: 'supervisor' }> | undefined): string {
  if (!supervisor) return 'no supervisor';
  const kind = supervisor.runtime === 'docker' ? 'containers (docker)' : 'processes on this host, without containers';
  return supervisor.problem ? `${kind}; cannot start any: ${supervisor.problem}` : kind;
}

function signInLine(signIn: SignIn | undefined): string {
  if (!signIn || signIn.method === 'none') return `not signed in. ${signIn?.problem ?? ''}`.trim();
  const account = signIn.method === 'chatgpt' ? 'ChatGPT account' : 'API key';
  const sharing = signIn.shared ? `, ${SHARED_SIGN_IN}` : '';
  return `${account}${signIn.source ? ` (${signIn.source})` : ''}${sharing}${signIn.problem ? `. ${signIn.problem}` : ''}`;
}
