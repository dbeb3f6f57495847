import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { type AgentIdentity, egressTarget } from '@codex-mcp/contracts';
import { type Auditor, AuditLog, type AuditOutcome, type Logger, operation } from '@codex-mcp/observability';
import { guardedLookup } from '../addresses/address-guard.js';
import { bare } from '../addresses/listed-host.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { sendError } from '../proxy/api-error.js';
import { EgressGrants } from './egress-grants.js';
import { EgressCut, type EgressEnd, EgressRefusal, explainUnreachable, refuseConnect } from './egress-refusal.js';
import { EgressMetrics } from './egress.metrics.js';
import { carry, type Counted, openHost } from './tunnel.js';

/** Nothing is decoded, and no other way to write an address is understood. */
const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?):(\d{1,5})$/i;
const MAX_LOGGED_CHARACTERS = 300;
const OPENED = 'HTTP/1.1 200 Connection established\r\n\r\n';

type Target = { host: string; port: number; name: string };

/** Lets agents' commands reach the hosts of the operator's lists, through CONNECT alone, and leaves an event for every attempt. */
@Injectable()
export class EgressProxyService {
  /** How many connections each agent has open. */
  private readonly open = new Map<string, number>();

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(EgressGrants) private readonly grants: EgressGrants,
    @Inject(EgressMetrics) private readonly metrics: EgressMetrics,
    @Inject(AuditLog) private readonly audit: Auditor,
  ) {}

  /** Answers one CONNECT of `agent`; resolves when the connection has ended. Never rejects. */
  async connect(agent: AgentIdentity, { url = '' }: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    await this.attempt(agent, 'CONNECT', url, async (counted) => {
      try {
        return await this.tunnel(agent, url, socket, head, counted);
      } catch (error) {
        if (error instanceof EgressRefusal) refuseConnect(socket, error);
        else socket.destroy();
        if (error instanceof EgressRefusal || error instanceof EgressCut) return error.end;
        throw error;
      }
    });
  }

  /** Refuses a request that is for a proxy, but does not ask for a connection. */
  async refuse(agent: AgentIdentity, request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.attempt(agent, request.method ?? '', request.url ?? '', async () => {
      request.resume();
      sendError(response, 'codex_mcp_not_found', 'The codex-mcp gateway passes no requests for other servers. It opens connections to listed hosts with CONNECT: use https.');
      return 'not_connect';
    });
  }

  private async attempt(agent: AgentIdentity, method: string, url: string, work: (counted: Counted) => Promise<EgressEnd>): Promise<void> {
    const [, host = url.slice(0, MAX_LOGGED_CHARACTERS), port] = AUTHORITY.exec(url) ?? [];
    const counted: Counted = { sentBytes: 0, receivedBytes: 0 };
    const fields = { agentId: agent.agentId, tenant: agent.tenant, agentKey: agent.key, method, host, port: port === undefined ? undefined : Number(port) };
    await operation(this.logger, 'egress', fields, async (add) => {
      const end = await work(counted);
      this.metrics.observe(end, counted);
      add({ end, ...counted });
      this.audit.record({ action: 'egress.connect', outcome: outcomeOf(end), tenant: agent.tenant, agentId: agent.agentId, detail: { method, host, port: fields.port, end, ...counted } });
    }).catch(() => undefined);
  }

  private async tunnel(agent: AgentIdentity, url: string, socket: Duplex, head: Buffer, counted: Counted): Promise<EgressEnd> {
    const { host, port, name } = targetOf(url);
    const rule = this.grants.find(agent.key, name);
    if (!rule) throw new EgressRefusal('not_allowed', this.explain(agent, name));
    const release = this.take(agent);
    const abort = new AbortController();
    const gone = () => abort.abort(new EgressCut('agent_gone'));
    socket.once('close', gone);
    try {
      const lookup = guardedLookup(new Map(rule.address === undefined ? [] : [[host, rule.address]]));
      const upstream = await openHost({ host, port, lookup }, this.config.UPSTREAM_CONNECT_TIMEOUT, abort.signal).catch((error: unknown) => {
        throw abort.signal.aborted ? abort.signal.reason : explainUnreachable(error, name);
      });
      socket.off('close', gone); // from here on its copying tells
      socket.write(OPENED);
      if (head.length > 0) socket.unshift(head);
      await carry(socket, upstream, counted, { maxBytes: this.config.EGRESS_MAX_BYTES, timeoutMs: this.config.EGRESS_TIMEOUT, idleMs: this.config.EGRESS_IDLE_TIMEOUT }, abort);
      return 'completed';
    } finally {
      release();
    }
  }

  /** Takes one of the agent's places; returns what gives it back. */
  private take({ key }: AgentIdentity): () => void {
    const max = this.config.EGRESS_MAX_CONNECTIONS;
    const open = () => this.open.get(key) ?? 0;
    if (open() >= max) throw new EgressRefusal('too_many', `The agent has ${max} connections open already, which is EGRESS_MAX_CONNECTIONS.`);
    this.open.set(key, open() + 1);
    this.metrics.open.inc();
    return () => {
      if (open() > 1) this.open.set(key, open() - 1);
      else this.open.delete(key);
      this.metrics.open.dec();
    };
  }

  private explain({ key }: AgentIdentity, name: string): string {
    const { allowed, granted } = this.grants.view(key);
    if (this.grants.wouldGrant(name)) return `Agents may reach "${name}" where the codex-mcp.json of their repository asks for it in "egress".`;
    const reached = [...allowed, ...granted];
    return `Agents may not reach "${name}": the operator's EGRESS_ALLOW names ${reached.length === 0 ? 'no host' : reached.join(', ')}.`;
  }
}

function targetOf(url: string): Target {
  const [, host = '', port = ''] = AUTHORITY.exec(url) ?? [];
  if (host === '' || Number(port) > 65_535 || Number(port) === 0) throw new EgressRefusal('bad_request', 'CONNECT needs a host and a port, such as packages.example.org:443.');
  return { host: bare(host.toLowerCase()), port: Number(port), name: egressTarget(`${host}:${Number(port)}`) };
}

const FAILED: readonly EgressEnd[] = ['unreachable', 'too_large', 'timeout', 'idle', 'agent_gone', 'host_gone', 'stopped'];

const outcomeOf = (end: EgressEnd): AuditOutcome => (end === 'completed' ? 'ok' : FAILED.includes(end) ? 'failed' : 'refused');
