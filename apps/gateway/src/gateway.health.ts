import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type HealthReport } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import { AgentEndpoints } from './agents/agent-endpoints.service.js';
import { CredentialsService } from './credentials/credentials.service.js';
import { REDIS } from './gateway.tokens.js';

/** Healthy means: agents are served. A missing sign-in or Redis is reported, as neither is mended by a restart. */
@Injectable()
export class GatewayHealth {
  serving = false;

  constructor(
    @Inject(AgentEndpoints) private readonly agents: AgentEndpoints,
    @Inject(CredentialsService) private readonly credentials: CredentialsService,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(REDIS) private readonly redis: Redis,
  ) {}

  report(): HealthReport {
    return { ok: this.serving, signIn: this.credentials.current().signIn, profiles: this.credentials.others()?.signIns, redis: this.redis.status === 'ready' ? 'connected' : 'away', agents: this.agents.count, ...(this.audit.problem !== undefined && { auditProblem: this.audit.problem }) };
  }
}
