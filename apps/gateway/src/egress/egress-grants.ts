import { Inject, Injectable } from '@nestjs/common';
import { egressCovers, egressTarget, type EgressView } from '@codex-mcp/contracts';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG } from '../gateway.tokens.js';
import type { EgressRule } from './egress-rules.js';

/** Which agent may reach what: what the operator allows to all, and of what it allows on request, what the agent's repository wishes for. */
@Injectable()
export class EgressGrants {
  private readonly wishes = new Map<string, readonly string[]>();

  constructor(@Inject(GATEWAY_CONFIG) private readonly config: Pick<GatewayConfig, 'EGRESS_ALLOW' | 'EGRESS_ALLOW_ON_REQUEST'>) {}

  /** Replaces what was wished for the agent. */
  wish(agentKey: string, hosts: readonly string[]): void {
    this.wishes.set(agentKey, hosts.map(egressTarget));
  }

  forget(agentKey: string): void {
    this.wishes.delete(agentKey);
  }

  /** The rule that lets the agent reach a host and port. */
  find(agentKey: string, target: string): EgressRule | undefined {
    const covering = (rules: readonly EgressRule[]) => rules.find(({ name }) => name === target) ?? rules.find(({ name }) => egressCovers(name, target));
    return covering(this.config.EGRESS_ALLOW) ?? (this.wishes.get(agentKey)?.includes(target) ? covering(this.config.EGRESS_ALLOW_ON_REQUEST) : undefined);
  }

  /** Whether a wish would be enough. */
  wouldGrant(target: string): boolean {
    return this.config.EGRESS_ALLOW_ON_REQUEST.some(({ name }) => egressCovers(name, target));
  }

  view(agentKey: string): EgressView {
    const [allowed, onRequest] = [this.config.EGRESS_ALLOW, this.config.EGRESS_ALLOW_ON_REQUEST].map((rules) => rules.map(({ name }) => name)) as [string[], string[]];
    const isGranted = (target: string) => !allowed.some((rule) => egressCovers(rule, target)) && this.wouldGrant(target);
    return { allowed, granted: (this.wishes.get(agentKey) ?? []).filter(isGranted), onRequest };
  }
}
