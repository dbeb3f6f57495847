import { type AgentRecord, AppError, type AgentUsage, supervisorQueue, supervisorQueueName } from '@codex-mcp/contracts';
import { Envelopes, QueueClient } from '@codex-mcp/messaging';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { REDIS } from '../edge.tokens.js';
import { beatsOf, ServiceStatus } from '../invocation/service-status.service.js';

const ANSWER_TIMEOUT_MS = 5000;

type Client = QueueClient<typeof supervisorQueue>;

/** Asks the supervisor that an agent lives with. A supervisor that is not alive is not waited for. */
@Injectable()
export class SupervisorClients implements OnApplicationShutdown {
  private readonly clients = new Map<string, Client>();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly status: ServiceStatus,
    private readonly envelopes: Envelopes,
  ) {}

  async usage(record: AgentRecord): Promise<AgentUsage> {
    return (await this.clientOf(record)).request('usage', { agent: identityOf(record) }, ANSWER_TIMEOUT_MS);
  }

  async stop(record: AgentRecord): Promise<boolean> {
    return (await (await this.clientOf(record)).request('stop', { agent: identityOf(record) }, ANSWER_TIMEOUT_MS)).stopped;
  }

  async remove(record: AgentRecord): Promise<boolean> {
    return (await (await this.clientOf(record)).request('remove', { agent: identityOf(record) }, ANSWER_TIMEOUT_MS)).removed;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.close()));
  }

  private async clientOf({ supervisorId }: AgentRecord): Promise<Client> {
    const alive = beatsOf(await this.status.heartbeats(), 'supervisor').some((beat) => beat.supervisorId === supervisorId);
    if (!alive) throw new AppError('service_unavailable', 'The supervisor of this agent is not running. Start it and look at its log.');
    const known = this.clients.get(supervisorId);
    if (known) return known;
    const client = new QueueClient(supervisorQueue, supervisorQueueName(supervisorId), this.redis, this.envelopes);
    this.clients.set(supervisorId, client);
    return client;
  }
}

const identityOf = ({ key, tenant, agentId }: AgentRecord) => ({ key, tenant, agentId });
