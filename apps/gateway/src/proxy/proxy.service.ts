import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity } from '@codex-mcp/contracts';
import { type Logger, operation } from '@codex-mcp/observability';
import type { Dispatcher } from 'undici';
import type { Credential } from '../credentials/credential.js';
import { CredentialsService, type Obtained } from '../credentials/credentials.service.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { type GatewayErrorCode, sendError } from './api-error.js';
import { toUpstream } from './headers.js';
import { ProxyMetrics } from './proxy.metrics.js';
import { Relay, type RelayEnd } from './relay.js';
import { replayableBody } from './request-body.js';
import { routeOf } from './routes.js';
import { createDispatcher, explainUpstreamError, upstreamTarget } from './upstream.js';

/** What is known of one exchange when it is over; never a credential, a header or a body. */
type Exchange = { status: number | undefined; end: string; firstByteMs?: number; requestBytes: number; responseBytes: number };

type Refused = { code: GatewayErrorCode; message: string };
type Sending = { route: string; request: IncomingMessage; body: IncomingMessage | Buffer | null; response: ServerResponse };

/** Carries agents' requests to the model: adds the credentials, lets nothing but the model's paths pass. */
@Injectable()
export class ProxyService {
  private readonly dispatcher: Dispatcher;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CredentialsService) private readonly credentials: CredentialsService,
    @Inject(ProxyMetrics) private readonly metrics: ProxyMetrics,
  ) {
    this.dispatcher = createDispatcher(config);
  }

  /** Answers one request of `agent`; `url` is its path as the model's API has it, such as /v1/responses. Never rejects. */
  async handle(agent: AgentIdentity, url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fields = { agentId: agent.agentId, tenant: agent.tenant, agentKey: agent.key, method: request.method ?? '' };
    this.metrics.inFlight.inc();
    await operation(this.logger, 'model_request', fields, async (add) => {
      const exchange = await this.exchange(url, request, response);
      this.metrics.observe({ firstByteMs: undefined, ...exchange });
      add(exchange);
    })
      .catch(() => response.destroy())
      .finally(() => this.metrics.inFlight.dec());
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async exchange(url: string, request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
    const requestBytes = Number(request.headers['content-length'] ?? 0);
    const refuse = (code: GatewayErrorCode, message: string): Exchange => {
      request.resume();
      return { status: sendError(response, code, message), end: code, requestBytes, responseBytes: 0 };
    };
    const route = routeOf(request.method, url);
    if (route === undefined) return refuse('codex_mcp_not_found', 'The codex-mcp gateway passes only /v1/responses, /v1/responses/compact and /v1/models.');
    if (request.headers['transfer-encoding'] !== undefined) return refuse('codex_mcp_length_required', 'The codex-mcp gateway needs a Content-Length.');
    if (requestBytes > this.config.GATEWAY_MAX_BODY) return refuse('codex_mcp_request_too_large', `The request has ${requestBytes} bytes; GATEWAY_MAX_BODY allows ${this.config.GATEWAY_MAX_BODY}.`);
    const obtained = await this.credentials.obtain();
    const body = request.method === 'GET' ? null : await replayableBody(request).then((kept) => kept ?? request, () => undefined);
    if (body === undefined) return { status: undefined, end: 'agent_gone', requestBytes, responseBytes: 0 };
    const exchange = await this.withCredential(obtained, { route, request, body, response });
    return 'code' in exchange ? refuse(exchange.code, exchange.message) : exchange;
  }

  /** Sends the request; where a token is refused, once more with the next one. */
  private async withCredential(obtained: Obtained, sending: Sending): Promise<Exchange | Refused> {
    const credential = usable(obtained);
    if ('code' in credential) return credential;
    const first = await this.forward(credential, sending, sending.body !== sending.request);
    if (first.end !== 'unauthorized') return first.exchange;
    const next = await this.credentials.afterRefusal(credential);
    const renewed = next && usable(next);
    if (renewed && 'code' in renewed) return renewed;
    if (renewed) return (await this.forward(renewed, sending, false)).exchange;
    first.relay.release();
    return { ...first.exchange, end: 'completed' };
  }

  private async forward(credential: Credential, { route, request, body, response }: Sending, holdUnauthorized: boolean): Promise<{ end: RelayEnd; relay: Relay; exchange: Exchange }> {
    const { origin, path } = upstreamTarget(this.config, credential, route);
    const relay = new Relay(response, holdUnauthorized);
    this.dispatcher.dispatch({ origin, path, method: body === null ? 'GET' : 'POST', headers: toUpstream(request.headers, credential), body }, relay);
    const end = await relay.ended;
    if (relay.status !== undefined && relay.status !== 401) this.credentials.accepted(credential);
    const counts = { requestBytes: Number(request.headers['content-length'] ?? 0), responseBytes: relay.bytes };
    if (end === 'upstream_failed' && relay.status === undefined) {
      const { code, message } = explainUpstreamError(relay.error, origin);
      return { end, relay, exchange: { status: sendError(response, code, message), end: code, ...counts } };
    }
    return { end, relay, exchange: { status: relay.status, end, ...counts, ...(relay.firstByteMs !== undefined && { firstByteMs: Math.round(relay.firstByteMs * 10) / 10 }) } };
  }
}

/** The credential to send, or why there is none. */
function usable({ signIn, credential, unavailable }: Obtained): Credential | Refused {
  if (unavailable !== undefined) return { code: 'codex_mcp_upstream_unreachable', message: unavailable };
  return credential ?? { code: 'codex_mcp_not_signed_in', message: signIn.problem ?? 'Not signed in to OpenAI.' };
}
