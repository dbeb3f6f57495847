import type { GatewayErrorCode } from '@codex-mcp/contracts';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { Credential } from '../credentials/credential.js';
import type { GatewayConfig } from '../gateway.config.js';
import type { Trouble } from './model-trouble.js';

/** Longer than the pause between two requests of a turn, so that they share one TLS connection. */
const KEEP_ALIVE_MS = 55_000;

/** Room for Codex's turn metadata and state, which travel in headers. */
export const MAX_HEADER_BYTES = 64 * 1024;

export function createDispatcher(config: GatewayConfig): Dispatcher {
  const options = {
    connect: { timeout: config.UPSTREAM_CONNECT_TIMEOUT },
    headersTimeout: config.UPSTREAM_FIRST_BYTE_TIMEOUT,
    bodyTimeout: config.UPSTREAM_IDLE_TIMEOUT,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const httpsProxy = (config.HTTPS_PROXY ?? config.https_proxy)?.reveal() ?? '';
  if (httpsProxy === '') return new Agent(options);
  // Empty, not absent: undici would read the process's environment itself, which also has HTTP_PROXY.
  return new EnvHttpProxyAgent({ ...options, httpProxy: '', httpsProxy, noProxy: config.NO_PROXY ?? config.no_proxy ?? '' });
}

/** Where a request goes with this credential, as undici takes it. */
export function upstreamTarget(config: GatewayConfig, credential: Credential, route: string): { origin: string; path: string } {
  const base = new URL(credential.method === 'chatgpt' ? config.CHATGPT_BASE_URL : config.OPENAI_BASE_URL);
  return { origin: base.origin, path: `${base.pathname.replace(/\/$/, '')}${route}` };
}

const TIMEOUTS = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];

/** Whether the upstream had the request, and did not answer in time. */
export const isTimeout = ({ code = '' }: NodeJS.ErrnoException): boolean => TIMEOUTS.includes(code);

/** What an agent is told of an upstream that answers with errors of its own. */
export const explainTrouble = ({ reason }: Trouble, origin: string): { code: GatewayErrorCode; message: string } => ({
  code: 'codex_mcp_upstream_failed',
  message: `${origin} fails (${reason}). Call again in a moment.`,
});

/** What an agent is told of an upstream that did not answer; the text names the host and the cause's code only. */
export function explainUpstreamError(error: Error | undefined, origin: string): { code: GatewayErrorCode; message: string } {
  const { code } = error as NodeJS.ErrnoException;
  const reason = code ?? error?.name ?? 'unknown error';
  if (TIMEOUTS.includes(reason)) return { code: 'codex_mcp_upstream_timeout', message: `${origin} did not answer in time (${reason}).` };
  return {
    code: 'codex_mcp_upstream_unreachable',
    message: `The codex-mcp gateway cannot reach ${origin} (${reason}). Check its network, and HTTPS_PROXY, OPENAI_BASE_URL and CHATGPT_BASE_URL where they are set.`,
  };
}
