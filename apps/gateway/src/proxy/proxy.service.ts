import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity, GatewayErrorCode, ModelUse } from '@codex-mcp/contracts';
import { type AuditDetail, type Auditor, AuditLog, logOperation, type Logger } from '@codex-mcp/observability';
import { Afterwork } from '../afterwork.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { EgressProxyService } from '../egress/egress-proxy.service.js';
import { GitProxyService } from '../git/git-proxy.service.js';
import { BudgetsService } from '../usage/budgets.service.js';
import { sendError } from './api-error.js';
import { type Exchange, ForwarderService } from './forwarder.service.js';
import { ProxyMetrics } from './proxy.metrics.js';
import { routeOf } from './routes.js';

/** Carries agents' requests to the model: adds the credentials, lets nothing but the model's paths pass, and leaves git's to {@link GitProxyService} and other servers' to {@link EgressProxyService}. */
@Injectable()
export class ProxyService {
  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ForwarderService) private readonly forwarder: ForwarderService,
    @Inject(BudgetsService) private readonly budgets: BudgetsService,
    @Inject(GitProxyService) private readonly git: GitProxyService,
    @Inject(EgressProxyService) private readonly egress: EgressProxyService,
    @Inject(ProxyMetrics) private readonly metrics: ProxyMetrics,
    @Inject(AuditLog) private readonly audit: Auditor,
    @Inject(Afterwork) private readonly afterwork: Afterwork,
  ) {}

  /** Answers one request of `agent`; `url` is its path as the model's API has it, such as /v1/responses, or one below /git/. Never rejects. */
  async handle(agent: AgentIdentity, url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!url.startsWith('/')) return this.egress.refuse(agent, request, response);
    if (url.startsWith('/git/')) return this.git.handle(agent, url, request, response);
    const fields = { agentId: agent.agentId, tenant: agent.tenant, agentKey: agent.key, method: request.method ?? '' };
    const startedAt = performance.now();
    this.metrics.inFlight.inc();
    try {
      const exchange = await this.exchange(agent, url, request, response);
      const asked = { path: url, requestBytes: bytesOf(request), durationMs: performance.now() - startedAt };
      this.afterwork.later(() => this.record(agent, fields, asked, exchange));
    } catch (error) {
      logOperation(this.logger, 'model_request', fields, performance.now() - startedAt, error);
      response.destroy();
    } finally {
      this.metrics.inFlight.dec();
    }
  }

  /** Ends a connection of `agent` on which came what is no request, such as one with two lengths. */
  refuseMalformed(agent: AgentIdentity, { code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
    if (!code.startsWith('HPE_')) return void socket.destroy();
    this.logger.info({ op: 'malformed_request', outcome: 'refused', agentId: agent.agentId, tenant: agent.tenant, agentKey: agent.key, code }, 'malformed_request');
    this.auditRefusal(agent, { code });
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  }

  async close(): Promise<void> {
    await Promise.all([this.forwarder.close(), this.git.close()]);
  }

  private record(agent: AgentIdentity, fields: { method: string }, { path, requestBytes, durationMs }: { path: string; requestBytes: number; durationMs: number }, { use, ...exchange }: Exchange): void {
    const { status, end, attempts } = exchange;
    const used = use && fieldsOf(use);
    if (attempts === 0 && end !== 'agent_gone') this.auditRefusal(agent, { method: fields.method, path, code: end });
    else this.audit.record({ action: 'model.request', outcome: status === 200 && end === 'completed' ? 'ok' : 'failed', tenant: agent.tenant, agentId: agent.agentId, detail: { status, end, attempts, durationMs: Math.round(durationMs), ...used } });
    this.metrics.observe({ firstByteMs: undefined, ...exchange });
    logOperation(this.logger, 'model_request', { ...fields, ...exchange, requestBytes, ...used }, durationMs);
  }

  private auditRefusal({ tenant, agentId }: AgentIdentity, detail: AuditDetail): void {
    this.audit.record({ action: 'model.refused', outcome: 'refused', tenant, agentId, detail });
  }

  private async exchange(agent: AgentIdentity, url: string, request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
    const refuse = (code: GatewayErrorCode, message: string): Exchange => {
      request.resume();
      return { status: sendError(response, code, message), end: code, attempts: 0, responseBytes: 0 };
    };
    const route = routeOf(request.method, url);
    if (route === undefined) return refuse('codex_mcp_not_found', 'The codex-mcp gateway passes only /v1/responses, /v1/responses/compact and /v1/models.');
    if (request.headers['transfer-encoding'] !== undefined) return refuse('codex_mcp_length_required', 'The codex-mcp gateway needs a Content-Length.');
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    if (encoding !== 'identity') return refuse('codex_mcp_encoding_refused', 'The codex-mcp gateway takes no request with a Content-Encoding: its input could not be counted.');
    if (bytesOf(request) > this.config.GATEWAY_MAX_BODY) return refuse('codex_mcp_request_too_large', `The request has ${bytesOf(request)} bytes; GATEWAY_MAX_BODY allows ${this.config.GATEWAY_MAX_BODY}.`);
    // Redis is asked while the body comes in.
    const refusal = request.method === 'POST' && this.budgets.budgets ? this.budgets.refusal(agent) : undefined;
    return this.forwarder.forward(agent, route, request, response, refusal);
  }
}

const bytesOf = (request: IncomingMessage): number => Number(request.headers['content-length'] ?? 0);

const fieldsOf = ({ model, tokens, costUsd, isEstimated }: ModelUse) => ({ model, inputTokens: tokens.input, cachedTokens: tokens.cached, outputTokens: tokens.output, reasoningTokens: tokens.reasoning, costUsd, ...(isEstimated && { isEstimated }) });
