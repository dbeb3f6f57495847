import { AgentHalt } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';

/** Tells workers why an agent is stopped under its turn. Does nothing while Redis is away. */
export async function announceAgentHalt(redis: Redis, halt: AgentHalt): Promise<void> {
  if (redis.status === 'ready') await redis.publish(keys.agentHalts, JSON.stringify(halt)).catch(() => undefined);
}

/** Brings such notices of all agents. Where one is lost, the turn ends as one whose agent was lost. */
export class AgentHalts {
  constructor(private readonly subscriber: Redis) {}

  async listen(onHalt: (halt: AgentHalt) => void): Promise<void> {
    this.subscriber.on('message', (channel: string, message: string) => {
      if (channel !== keys.agentHalts) return;
      const halt = AgentHalt.safeParse(parsed(message));
      if (halt.success) onHalt(halt.data);
    });
    this.subscriber.on('ready', () => void this.subscriber.subscribe(keys.agentHalts).catch(() => undefined));
    await this.subscriber.subscribe(keys.agentHalts);
  }
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}
