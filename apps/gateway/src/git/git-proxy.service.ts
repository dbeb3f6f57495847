import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity } from '@codex-mcp/contracts';
import { type Auditor, AuditLog, type AuditOutcome, type Logger, operation } from '@codex-mcp/observability';
import { Agent, type Dispatcher } from 'undici';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { guardedConnect } from '../addresses/address-guard.js';
import { GitCredentials } from './git-credentials.js';
import { GitMetrics } from './git.metrics.js';
import type { GitHost } from './git-hosts.js';
import { type GitRoute, gitRoute } from './git-route.js';
import { explainFailure, type GitEnd, GitRefusal, sendRefusal } from './git-refusal.js';

const TO_HOST = ['accept', 'content-type', 'content-encoding', 'content-length', 'git-protocol', 'user-agent'];
const TO_AGENT = ['content-type', 'content-encoding', 'content-length', 'cache-control'];
const MAX_LOGGED_CHARACTERS = 300;

type Counted = { requestBytes: number; responseBytes: number };
type Upstream = Dispatcher.ResponseData;

/** Carries agents' git requests to the hosts of the operator's list, with credentials that only the gateway has. */
@Injectable()
export class GitProxyService {
  private readonly credentials: GitCredentials;
  private readonly dispatcher: Agent;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(GitMetrics) private readonly metrics: GitMetrics,
    @Inject(AuditLog) private readonly audit: Auditor,
  ) {
    this.credentials = new GitCredentials(config.GIT_CREDENTIALS_FILE, logger);
    this.dispatcher = new Agent({
      connect: guardedConnect(config),
      // The exchange has its own timer; undici's, which may run ahead by half a second, would tell of an unreachable host.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Answers one request of `agent` below /git/. Never rejects. */
  async handle(agent: AgentIdentity, url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = gitRoute(request.method, url);
    const fields = { agentId: agent.agentId, tenant: agent.tenant, agentKey: agent.key, method: request.method ?? '', host: route?.host, path: route?.repository ?? url.slice(0, MAX_LOGGED_CHARACTERS), service: route?.service };
    const counted: Counted = { requestBytes: 0, responseBytes: 0 };
    await operation(this.logger, 'git_request', fields, async (add) => {
      const end = await this.exchange(route, request, response, counted).catch((error: unknown) => this.refuse(error, request, response));
      this.metrics.observe({ service: route?.service ?? 'none', end, ...counted });
      add({ end, status: response.statusCode, ...counted });
      this.audit.record({ action: 'git.request', outcome: outcomeOf(end), tenant: agent.tenant, agentId: agent.agentId, detail: { method: fields.method, host: fields.host, path: fields.path, service: fields.service, end, ...counted } });
    }).catch(() => response.destroy());
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async exchange(route: GitRoute | undefined, request: IncomingMessage, response: ServerResponse, counted: Counted): Promise<GitEnd> {
    const { host, ...allowed } = this.admit(route);
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new GitRefusal('timeout', `The exchange took longer than GIT_TIMEOUT, ${this.config.GIT_TIMEOUT / 1000} s.`)), this.config.GIT_TIMEOUT);
    const onClose = () => {
      if (!response.writableFinished) abort.abort(new GitRefusal('agent_gone', 'The agent has disconnected.'));
    };
    response.once('close', onClose);
    try {
      const upstream = await this.ask(host, allowed.route, request, counted, abort);
      checkAnswer(upstream, host);
      response.writeHead(200, pick(upstream.headers, TO_AGENT));
      response.flushHeaders();
      await pipeline(upstream.body, this.counter(counted, 'responseBytes'), response, { signal: abort.signal });
      return 'completed';
    } catch (error) {
      throw abort.signal.aborted ? abort.signal.reason : explainFailure(error, host);
    } finally {
      clearTimeout(timer);
      response.off('close', onClose);
    }
  }

  /** What the operator allows of it. */
  private admit(route: GitRoute | undefined): { route: GitRoute; host: GitHost } {
    if (!route) throw new GitRefusal('not_git', 'The codex-mcp gateway passes only git over HTTP, smart protocol: /git/<host>/<path>/info/refs?service=…, git-upload-pack, git-receive-pack.');
    const host = this.config.GIT_HOSTS.get(route.host);
    if (!host) throw new GitRefusal('host_not_allowed', `Agents may not reach "${route.host}" with git: ${this.config.GIT_HOSTS.size === 0 ? 'GIT_HOSTS names no host' : `GIT_HOSTS names ${[...this.config.GIT_HOSTS.keys()].join(', ')}`}.`);
    if (route.service === 'git-receive-pack' && !this.config.GIT_PUSH) throw new GitRefusal('push_not_allowed', 'Agents may not push: GIT_PUSH is not set.');
    return { route, host };
  }

  private ask(host: GitHost, route: GitRoute, request: IncomingMessage, counted: Counted, abort: AbortController): Promise<Upstream> {
    const authorization = this.credentials.find(host.origin, route.repository)?.reveal();
    const headers = { ...pick(request.headers, TO_HOST), ...(authorization !== undefined && { authorization }) };
    const counter = this.counter(counted, 'requestBytes');
    counter.once('error', (error) => abort.abort(error));
    const body = route.method === 'GET' ? null : request.pipe(counter);
    if (route.method === 'GET') request.resume();
    return this.dispatcher.request({ origin: host.origin, path: route.path, method: route.method, headers, body, signal: abort.signal });
  }

  private counter(counted: Counted, key: keyof Counted): Transform {
    const limit = this.config.GIT_MAX_BYTES;
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        counted[key] += chunk.length;
        if (counted[key] > limit) done(new GitRefusal('too_large', `It is larger than GIT_MAX_BYTES, ${limit} bytes.`));
        else done(null, chunk);
      },
    });
  }

  private refuse(error: unknown, request: IncomingMessage, response: ServerResponse): GitEnd {
    if (!(error instanceof GitRefusal)) throw error;
    request.unpipe();
    request.resume();
    sendRefusal(response, error);
    return error.end;
  }
}

function checkAnswer({ statusCode, headers, body }: Upstream, host: GitHost): void {
  const refusal = refusalOf(statusCode, headers, host);
  if (!refusal) return;
  body.on('error', () => undefined).destroy();
  throw refusal;
}

function refusalOf(status: number, headers: Upstream['headers'], { name }: GitHost): GitRefusal | undefined {
  if (status === 401 || status === 403) return new GitRefusal('unauthorized', `${name} refuses this (${status}). The operator can put credentials for it into GIT_CREDENTIALS_FILE.`);
  if (status === 404) return new GitRefusal('no_repository', `${name} has no such repository, or not for these credentials.`);
  if (status >= 300 && status < 400) return new GitRefusal('redirected', `${name} redirects, which is not followed. Name the repository by its present URL.`);
  if (status !== 200) return new GitRefusal('host_failed', `${name} answered with status ${status}.`);
  // So that the route cannot fetch anything but git.
  return String(headers['content-type']).startsWith('application/x-git-') ? undefined : new GitRefusal('host_failed', `${name} did not answer in git's smart protocol.`);
}

function pick(headers: Record<string, string | string[] | undefined>, names: string[]): Record<string, string | string[]> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

const REFUSED: readonly GitEnd[] = ['not_git', 'host_not_allowed', 'push_not_allowed', 'private_address', 'too_large'];

const outcomeOf = (end: GitEnd): AuditOutcome => (end === 'completed' ? 'ok' : REFUSED.includes(end) ? 'refused' : 'failed');
