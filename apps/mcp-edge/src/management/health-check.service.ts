import type { AgentIdentity } from '@codex-mcp/contracts';
import type { MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import { EDGE_PROCESS, type EdgeProcess } from '../edge.tokens.js';
import { beatsOf, isStalled, ServiceStatus, signInsOf, troubles, warnings } from '../invocation/service-status.service.js';
import { AgentDirectory } from './agent-directory.service.js';

/** Whether turns can run, for a caller; `/health` says it to machines. */
@Injectable()
export class HealthCheck {
  constructor(
    private readonly status: ServiceStatus,
    private readonly directory: AgentDirectory,
    @Inject(EDGE_PROCESS) private readonly self: EdgeProcess,
  ) {}

  /** As it is for this agent. */
  async report(agent: AgentIdentity): Promise<OutputOf<(typeof MANAGEMENT_TOOLS)['health_check']>> {
    const [beats, turns] = await Promise.all([this.status.heartbeats(), this.directory.totals()]);
    const problems = [...troubles(beats, agent).map(({ error }) => error.message), ...warnings(beats)];
    const supervisors = beatsOf(beats, 'supervisor');
    const signIn = signInsOf(beats, agent).find(({ method }) => method !== 'none');
    return {
      status: problems.length === 0 ? 'ok' : 'degraded',
      problems,
      version: this.self.version,
      uptime_seconds: Math.round((Date.now() - this.self.startedAtMs) / 1000),
      runtime: supervisors[0]?.runtime,
      sign_in: { method: signIn?.method ?? 'none', ...(signIn?.source !== undefined && { source: signIn.source }) },
      active_sessions: supervisors.reduce((sum, { runningAgents }) => sum + runningAgents, 0),
      running_turns: turns.running,
      queued_turns: turns.queued,
      workers: beatsOf(beats, 'worker').filter((beat) => !isStalled(beat)).length,
      supervisors: supervisors.length,
    };
  }
}
