import { setTimeout as delay } from 'node:timers/promises';
import type { AgentIdentity } from '@codex-mcp/contracts';
import { eventually } from '@codex-mcp/testing';
import type { Answer, GatewayProcess } from './gateway.process.js';

const PATIENCE = { timeoutMs: 60_000 };
const REPEAT_MS = 20;

/** Agents that ask one thing after the other; like Codex, each repeats what broke off, and takes any answer for one. */
export class Storm {
  readonly answers: Answer[] = [];
  private readonly done: number[];
  private isOver = false;
  private readonly running: Promise<void>[];

  constructor(
    private readonly gateway: GatewayProcess,
    agents: readonly AgentIdentity[],
  ) {
    this.done = agents.map(() => 0);
    this.running = agents.map((agent, index) => this.askOn(agent, index));
  }

  /** Resolves when every agent has had another answer, `until` or not. */
  async everyAgentGoesOn(until: () => boolean): Promise<void> {
    const before = [...this.done];
    await eventually(() => until() || this.done.every((count, index) => count > (before[index] ?? 0) + 1), PATIENCE);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.running);
  }

  private async askOn(agent: AgentIdentity, index: number): Promise<void> {
    for (let question = 0; !this.isOver; question += 1) {
      const answer = await this.askUntilAnswered(agent, `${agent.agentId} ${question}`);
      if (answer) this.answers.push(answer);
      this.done[index] = question + 1;
    }
  }

  private async askUntilAnswered(agent: AgentIdentity, body: string): Promise<Answer | undefined> {
    while (!this.isOver) {
      const answer = await this.gateway.ask(agent, body).catch(() => undefined);
      if (answer) return answer;
      await delay(REPEAT_MS);
    }
    return undefined;
  }
}
