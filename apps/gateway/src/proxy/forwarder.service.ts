import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity, GatewayErrorCode, ModelUse } from '@codex-mcp/contracts';
import { announceModelWait } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import type { Dispatcher } from 'undici';
import type { Credential } from '../credentials/credential.js';
import { CredentialsService } from '../credentials/credentials.service.js';
import type { Obtained, ProfileCredentials } from '../credentials/profile-credentials.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER, REDIS } from '../gateway.tokens.js';
import { UsageService } from '../usage/usage.service.js';
import { sendError, sendLastError } from './api-error.js';
import { toUpstream } from './headers.js';
import type { Trouble } from './model-trouble.js';
import { ProxyMetrics } from './proxy.metrics.js';
import { Relay, type RelayEnd } from './relay.js';
import { ReplayBudget } from './replay-budget.js';
import { readBody } from './request-body.js';
import { retryWaitMs } from './retry.policy.js';
import { createDispatcher, explainTrouble, explainUpstreamError, upstreamTarget } from './upstream.js';
import { VeiledAnswer } from './veiled-answer.js';

/** What is known of one exchange when it is over; never a credential, a header or a body. */
export type Exchange = { status: number | undefined; end: string; attempts: number; firstByteMs?: number; responseBytes: number; use?: ModelUse };

type Refused = { code: GatewayErrorCode; message: string };
type Sending = { agent: AgentIdentity; credentials: ProfileCredentials; route: string; request: IncomingMessage; body: IncomingMessage | Buffer | null; response: ServerResponse; hasRenewed: boolean; use?: ModelUse };
type Sent = { end: RelayEnd; relay: Relay; origin: string };

/** Sends agents' requests to the model, again and again where nothing of an answer has reached the agent and waiting may help. */
@Injectable()
export class ForwarderService {
  private readonly dispatcher: Dispatcher;
  private readonly replayBudget = new ReplayBudget();

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(CredentialsService) private readonly credentials: CredentialsService,
    @Inject(UsageService) private readonly usage: UsageService,
    @Inject(ProxyMetrics) private readonly metrics: ProxyMetrics,
  ) {
    this.dispatcher = createDispatcher(config);
  }

  /** Ends when the agent has its answer, or has left. `route`: below the upstream's base URL. `budgetRefusal`: why nothing may be sent; it never rejects. */
  async forward(agent: AgentIdentity, route: string, request: IncomingMessage, response: ServerResponse, budgetRefusal?: Promise<string | undefined>): Promise<Exchange> {
    const release = this.replayBudget.reserve(agent.key, Number(request.headers['content-length'] ?? 0));
    try {
      const body = request.method === 'GET' ? null : release ? await readBody(request) : request;
      if (body === undefined) return { status: undefined, end: 'agent_gone', attempts: 0, responseBytes: 0 };
      const refusal = await budgetRefusal;
      if (refusal !== undefined) {
        request.resume();
        return { status: sendError(response, 'codex_mcp_budget_spent', refusal), end: 'codex_mcp_budget_spent', attempts: 0, responseBytes: 0 };
      }
      const sending: Sending = { agent, credentials: this.credentials.of(agent), route, request, body, response, hasRenewed: false };
      const exchange = await this.persist(sending);
      return sending.use ? { ...exchange, use: sending.use } : exchange;
    } finally {
      release?.();
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async persist(sending: Sending): Promise<Exchange> {
    for (let attempt = 1; ; attempt++) {
      const exchange = await this.attempt(sending, attempt);
      if (!('waitMs' in exchange)) return exchange;
      if (!(await waitsFor(sending.response, exchange.waitMs))) return { status: exchange.status, end: 'agent_gone', attempts: attempt, responseBytes: 0 };
    }
  }

  private async attempt(sending: Sending, attempt: number): Promise<Exchange | { status: number | undefined; waitMs: number }> {
    const sent = await this.withCredential(sending);
    if ('code' in sent) {
      sending.request.resume();
      return { status: sendError(sending.response, sent.code, sent.message), end: sent.code, attempts: attempt - 1, responseBytes: 0 };
    }
    const { relay, end, origin } = sent;
    const known = { status: relay.status, end: end === 'unauthorized' ? 'completed' : end, attempts: attempt, responseBytes: relay.bytes, ...(relay.firstByteMs !== undefined && { firstByteMs: Math.round(relay.firstByteMs * 10) / 10 }) };
    if (end === 'withheld') return this.again(sending.agent, sent, attempt) ?? { ...known, ...this.giveUp(sending.response, sent, attempt) };
    if (end !== 'upstream_failed' || relay.status !== undefined) return known;
    const { code, message } = explainUpstreamError(relay.error, origin);
    return { ...known, status: sendError(sending.response, code, message), end: code };
  }

  /** Sends the request; where a token is refused, once more with the next one, and that once however often it is sent again. */
  private async withCredential(sending: Sending): Promise<Sent | Refused> {
    const credential = usable(await sending.credentials.obtain());
    if ('code' in credential) return credential;
    const first = await this.send(credential, sending);
    if (first.end !== 'unauthorized') return first;
    const next = sending.hasRenewed ? undefined : await sending.credentials.afterRefusal(credential);
    sending.hasRenewed = true;
    const renewed = next && usable(next);
    if (renewed && 'code' in renewed) return renewed;
    const last = renewed ? await this.send(renewed, sending) : first;
    if (last.end === 'unauthorized') last.relay.release();
    return last;
  }

  private async send(credential: Credential, sending: Sending): Promise<Sent> {
    const { agent, route, request, body, response } = sending;
    const { origin, path } = upstreamTarget(this.config, credential, route);
    const meter = body === null ? undefined : this.usage.meter(agent, Buffer.isBuffer(body) ? body : undefined, (use) => (sending.use = use));
    const relay = new Relay(response, body !== request, meter);
    this.dispatcher.dispatch({ origin, path, method: body === null ? 'GET' : 'POST', headers: toUpstream(request.headers, credential), body }, new VeiledAnswer(relay, credential));
    const end = await relay.ended;
    meter?.end();
    // A service that fails may have done so before it looked at the token.
    if (relay.status !== undefined && relay.status !== 401 && relay.status < 500) sending.credentials.accepted(credential);
    return { end, relay, origin };
  }

  /** Announces the wait; undefined when there is to be none. */
  private again(agent: AgentIdentity, { relay, origin }: Sent, attempt: number): { status: number | undefined; waitMs: number } | undefined {
    const trouble: Trouble = relay.trouble ?? { kind: 'unreachable', reason: explainUpstreamError(relay.error, origin).message };
    const waitMs = retryWaitMs(trouble, attempt, this.config.MODEL_RETRY_MAX);
    if (waitMs === undefined) return undefined;
    announceModelWait(this.redis, { agentKey: agent.key, trouble: trouble.kind, retryInMs: waitMs, attempt: attempt + 1 });
    this.metrics.retries.inc({ trouble: trouble.kind });
    const fields = { agentId: agent.agentId, tenant: agent.tenant, agentKey: agent.key, trouble: trouble.kind, reason: trouble.reason, attempt, retryInMs: waitMs };
    this.logger.warn({ op: 'model_request.retry', ...fields }, 'model_request.retry');
    return { status: relay.status, waitMs };
  }

  private giveUp(response: ServerResponse, { relay, origin }: Sent, attempts: number): { status: number; end: string } {
    const { code, message } = relay.trouble ? explainTrouble(relay.trouble, origin) : explainUpstreamError(relay.error, origin);
    const status = attempts === 1 ? sendError(response, code, message) : sendLastError(response, code, `${message} Tried ${attempts} times.`);
    return { status, end: code };
  }
}

/** Resolves after `waitMs`, or with false as soon as the agent has left. */
function waitsFor(response: ServerResponse, waitMs: number): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = (waited: boolean) => {
      clearTimeout(timer);
      response.off('close', left);
      resolve(waited);
    };
    const left = () => end(false);
    const timer = setTimeout(end, waitMs, true);
    response.once('close', left);
  });
}

/** The credential to send, or why there is none. */
function usable({ signIn, credential, unavailable }: Obtained): Credential | Refused {
  if (unavailable !== undefined) return { code: 'codex_mcp_upstream_unreachable', message: unavailable };
  return credential ?? { code: 'codex_mcp_not_signed_in', message: signIn.problem ?? 'Not signed in to OpenAI.' };
}
