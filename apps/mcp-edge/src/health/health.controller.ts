import type { SignIn } from '@codex-mcp/contracts';
import { AuditLog } from '@codex-mcp/observability';
import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { Response } from 'express';
import { EDGE_PROCESS, type EdgeProcess } from '../edge.tokens.js';
import { redisOutage, within } from '../invocation/redis-outage.errors.js';
import { beatsOf, isStalled, ServiceStatus, troubles, warnings } from '../invocation/service-status.service.js';
import { EdgeMetrics } from './edge.metrics.js';
import { Readiness } from './readiness.service.js';

const CHECK_TIMEOUT_MS = 2000;

type Health = {
  status: 'ok' | 'degraded' | 'unavailable';
  version: string;
  uptime_seconds: number;
  checks: { redis: boolean; worker: boolean; supervisor: boolean; gateway: boolean; sign_in: SignIn['method'] | 'unknown' };
  problems: string[];
};

/** For machines: `/health` (200 as long as turns can be taken) and `/metrics`. Needs no token and tells nothing of callers. */
@Controller()
export class HealthController {
  constructor(
    private readonly status: ServiceStatus,
    private readonly metrics: EdgeMetrics,
    private readonly readiness: Readiness,
    private readonly audit: AuditLog,
    @Inject(EDGE_PROCESS) private readonly self: EdgeProcess,
  ) {}

  @Get('health')
  @Header('Cache-Control', 'no-store')
  async health(@Res({ passthrough: true }) response: Response): Promise<Health> {
    const { status, checks, problems } = await this.look();
    response.status(status === 'unavailable' ? 503 : 200);
    return { status, version: this.self.version, uptime_seconds: Math.round((Date.now() - this.self.startedAtMs) / 1000), checks, problems };
  }

  @Get('metrics')
  async prometheus(@Res() response: Response): Promise<void> {
    response.type(this.metrics.registry.contentType).send(await this.metrics.registry.metrics());
  }

  private async look(): Promise<Pick<Health, 'status' | 'checks' | 'problems'>> {
    try {
      const beats = await within(CHECK_TIMEOUT_MS, this.status.heartbeats());
      const found = troubles(beats);
      const gateways = beatsOf(beats, 'gateway');
      const checks = {
        redis: true,
        worker: beatsOf(beats, 'worker').some((beat) => !isStalled(beat)),
        supervisor: beatsOf(beats, 'supervisor').some((beat) => beat.problem === undefined && !isStalled(beat)),
        gateway: gateways.length > 0,
        sign_in: gateways.find(({ signIn }) => signIn.method !== 'none')?.signIn.method ?? (gateways.length > 0 ? ('none' as const) : ('unknown' as const)),
      };
      const told = new Set([...warnings(beats), ...(this.audit.problem === undefined ? [] : [this.audit.problem])]);
      const problems = [...(this.readiness.isClosing ? ['This process is shutting down.'] : []), ...found.map(({ error }) => error.message), ...told];
      const isDown = this.readiness.isClosing || found.some(({ blocksHealth }) => blocksHealth);
      return { status: isDown ? 'unavailable' : problems.length > 0 ? 'degraded' : 'ok', checks, problems };
    } catch {
      const checks = { redis: false, worker: false, supervisor: false, gateway: false, sign_in: 'unknown' as const };
      return { status: 'unavailable', checks, problems: [redisOutage().message] };
    }
  }
}
