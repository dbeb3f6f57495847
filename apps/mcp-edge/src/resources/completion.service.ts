import type { AgentIdentity } from '@codex-mcp/contracts';
import { ThreadStore, TurnStore } from '@codex-mcp/messaging';
import { Changes } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { asCallerError } from '../invocation/redis-outage.errors.js';
import { AgentDirectory } from '../management/agent-directory.service.js';
import { endOf } from '../management/turn-reading.service.js';

const RECENT_TURNS = 50;

/** What the value of an argument can be completed from. */
export type Completed = 'agent' | 'thread' | 'turn' | 'path';

const Changed = z.object({ changes: Changes.optional() });

/** Values that arguments can have, from the registries alone: no agent is woken to complete a word. */
@Injectable()
export class Completion {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly threads: ThreadStore,
    private readonly turns: TurnStore,
  ) {}

  /** Values that begin with `prefix`, the likeliest first. Paths are those that the agent's turns changed lately. */
  async values(what: Completed, agent: AgentIdentity, prefix: string): Promise<string[]> {
    try {
      return [...new Set(await this.all(what, agent))].filter((value) => value.startsWith(prefix));
    } catch (error) {
      throw asCallerError(error);
    }
  }

  private async all(what: Completed, agent: AgentIdentity): Promise<string[]> {
    switch (what) {
      case 'agent':
        return (await this.directory.list(agent.tenant, undefined)).toSorted((a, b) => b.lastActiveAt - a.lastActiveAt).map(({ agentId }) => agentId);
      case 'thread':
        return (await this.threads.list(agent.key)).map(({ threadId }) => threadId);
      case 'turn':
        return (await this.turns.list(agent.key, RECENT_TURNS)).map(({ request }) => request.turnId);
      case 'path':
        return (await this.turns.list(agent.key, RECENT_TURNS)).flatMap((record) => Changed.safeParse(endOf(record).result).data?.changes?.files.map(({ path }) => path) ?? []);
    }
  }
}
