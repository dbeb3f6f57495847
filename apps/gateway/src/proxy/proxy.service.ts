import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity } from '@codex-mcp/contracts';
import { type Logger, operation } from '@codex-mcp/observability';
import type { Dispatcher } from 'undici';
import type { Credential } from '../credentials/credential.js';
import { CredentialsService } from '../credentials/credentials.service.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { type GatewayErrorCode, sendError } from './api-error.js';
import { toUpstream } from './headers.js';
import { ProxyMetrics } from './proxy.metrics.js';
import { Relay } from './relay.js';
import { routeOf } from './routes.js';
import { createDispatcher, explainUpstreamError, upstreamTarget } from './upstream.js';

/** What is known of one exchange when it is over; never a credential, a header or a body. */
type Exchange = { status: number | undefined; end: string; firstByteMs?: number; requestBytes: number; responseBytes: number };

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
    const { signIn, credential } = this.credentials.current();
    if (!credential) return refuse('codex_mcp_not_signed_in', signIn.problem ?? 'Not signed in to OpenAI.');
    return this.forward(route, credential, request, response);
  }

  private async forward(route: string, credential: Credential, request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
    const { origin, path } = upstreamTarget(this.config, credential, route);
    const method = request.method === 'GET' ? 'GET' : 'POST';
    const relay = new Relay(response);
    this.dispatcher.dispatch({ origin, path, method, headers: toUpstream(request.headers, credential), body: method === 'GET' ? null : request }, relay);
    const end = await relay.ended;
    const counts = { requestBytes: Number(request.headers['content-length'] ?? 0), responseBytes: relay.bytes };
    if (end === 'upstream_failed' && relay.status === undefined) {
      const { code, message } = explainUpstreamError(relay.error, origin);
      return { status: sendError(response, code, message), end: code, ...counts };
    }
    return { status: relay.status, end, ...counts, ...(relay.firstByteMs !== undefined && { firstByteMs: Math.round(relay.firstByteMs * 10) / 10 }) };
  }
}
