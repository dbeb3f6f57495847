import type { AgentIdentity, AgentRecord } from '@codex-mcp/contracts';
import { TurnStore } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import type { MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import { AgentDirectory } from './agent-directory.service.js';
import { SupervisorClients } from './supervisor-clients.service.js';

type Options = { max_idle_seconds?: number | undefined; remove?: boolean | undefined };
type Fate = 'stopped' | 'removed' | 'kept';

/** Stops or removes agents that nobody has used for a while. */
@Injectable()
export class AgentCleanup {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly turns: TurnStore,
    private readonly supervisors: SupervisorClients,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async run(tenant: string, only: AgentIdentity | undefined, options: Options): Promise<OutputOf<(typeof MANAGEMENT_TOOLS)['cleanup_inactive_agents']>> {
    const maxIdleMs = options.max_idle_seconds === undefined ? this.config.SESSION_TIMEOUT : options.max_idle_seconds * 1000;
    const records = await this.directory.list(tenant, only);
    const fates = await Promise.all(records.map(async (record) => ({ agentId: record.agentId, fate: await this.decide(record, maxIdleMs, options.remove ?? false) })));
    const having = (fate: Fate) => fates.filter((one) => one.fate === fate).map(({ agentId }) => agentId);
    return { stopped: having('stopped'), removed: having('removed'), kept: having('kept').length };
  }

  private async decide(record: AgentRecord, maxIdleMs: number, remove: boolean): Promise<Fate> {
    const isIdle = Date.now() - record.lastActiveAt >= maxIdleMs && (await this.turns.unfinished(record.key)).length === 0;
    if (!isIdle || (!remove && record.status === 'stopped')) return 'kept';
    try {
      if (remove) return (await this.supervisors.remove(record)) ? 'removed' : 'kept';
      return (await this.supervisors.stop(record)) ? 'stopped' : 'kept';
    } catch (error) {
      this.logger.warn({ err: error, agent: record.agentId }, 'an inactive agent could not be cleaned up');
      return 'kept';
    }
  }
}
