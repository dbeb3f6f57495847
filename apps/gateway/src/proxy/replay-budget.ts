const MB = 1024 * 1024;

export type ReplayLimits = { readonly requestBytes: number; readonly agentBytes: number; readonly totalBytes: number };

/** An agent has room for several of the largest bodies, all agents together for eight such agents. */
export const REPLAY_LIMITS: ReplayLimits = { requestBytes: 16 * MB, agentBytes: 64 * MB, totalBytes: 512 * MB };

/** How much of agents' requests is kept in memory so that it can be sent again; what finds no room goes through once. */
export class ReplayBudget {
  private readonly byAgent = new Map<string, number>();
  private totalBytes = 0;

  constructor(private readonly limits = REPLAY_LIMITS) {}

  /** Sets `bytes` aside until the returned function is called, once; undefined where there is no room for them. */
  reserve(agentKey: string, bytes: number): (() => void) | undefined {
    const { requestBytes, agentBytes, totalBytes } = this.limits;
    if (bytes > requestBytes || this.bytesOf(agentKey) + bytes > agentBytes || this.totalBytes + bytes > totalBytes) return undefined;
    this.add(agentKey, bytes);
    return () => this.add(agentKey, -bytes);
  }

  private bytesOf(agentKey: string): number {
    return this.byAgent.get(agentKey) ?? 0;
  }

  private add(agentKey: string, bytes: number): void {
    this.totalBytes += bytes;
    const left = this.bytesOf(agentKey) + bytes;
    if (left === 0) this.byAgent.delete(agentKey);
    else this.byAgent.set(agentKey, left);
  }
}
