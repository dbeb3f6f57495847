import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type AgentIdentity, type Placement, PLACEMENTS_QUEUE, placementsQueue, supervisorQueue, supervisorQueueName, type WorkspaceChoice } from '@codex-mcp/contracts';
import { type AgentStore, Envelopes, QueueClient, readHeartbeats } from '@codex-mcp/messaging';
import type { Redis } from 'ioredis';

/** A host that is being restarted is back within this time; turns that waited in the queue meanwhile wait for it. */
const RETURN_TIMEOUT_MS = 15_000;
const RETURN_POLL_MS = 100;

/** Asks supervisors for agents: the one that owns it, or whichever has room for a new one. */
export class PlacementClient {
  private readonly placements: QueueClient<typeof placementsQueue>;
  private readonly supervisors = new Map<string, QueueClient<typeof supervisorQueue>>();

  constructor(
    private readonly redis: Redis,
    private readonly registry: AgentStore,
    private readonly timeoutMs: number,
    private readonly envelopes = Envelopes.none,
  ) {
    this.placements = new QueueClient(placementsQueue, PLACEMENTS_QUEUE, redis, envelopes);
  }

  async ensure(agent: AgentIdentity, wanted: { workspace?: WorkspaceChoice | undefined; image?: string | undefined; egress?: string[] | undefined }, correlationId: string): Promise<Placement> {
    const payload = { agent, ...wanted, correlationId };
    const owner = (await this.registry.get(agent.key))?.supervisorId;
    if (owner === undefined) return this.placements.request('ensure', payload, this.timeoutMs);
    await this.mustBeAlive(owner);
    return this.supervisor(owner).request('ensure', payload, this.timeoutMs);
  }

  /** Ends a running agent, whose next `ensure` then starts it anew. */
  async stop(agent: AgentIdentity, supervisorId: string): Promise<void> {
    await this.supervisor(supervisorId).request('stop', { agent }, this.timeoutMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.placements.close(), ...[...this.supervisors.values()].map((client) => client.close())]);
  }

  private async mustBeAlive(supervisorId: string): Promise<void> {
    for (const deadline = Date.now() + RETURN_TIMEOUT_MS; Date.now() < deadline; await delay(RETURN_POLL_MS)) {
      const beats = await readHeartbeats(this.redis);
      if (beats.some((beat) => beat.service === 'supervisor' && beat.supervisorId === supervisorId)) return;
    }
    throw new AppError('service_unavailable', `The host that holds this agent (supervisor ${supervisorId}) is not running. Start it, or call with another agent_id.`);
  }

  private supervisor(id: string): QueueClient<typeof supervisorQueue> {
    const known = this.supervisors.get(id);
    if (known) return known;
    const client = new QueueClient(supervisorQueue, supervisorQueueName(id), this.redis, this.envelopes);
    this.supervisors.set(id, client);
    return client;
  }
}
