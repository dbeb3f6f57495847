import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS } from '../edge.tokens.js';

/** What this process counts. */
@Injectable()
export class EdgeMetrics {
  private readonly calls: Counter<'tool' | 'outcome'>;
  private readonly durations: Histogram<'tool'>;
  private readonly sessions: Gauge<'transport'>;

  constructor(@Inject(METRICS) readonly registry: Registry) {
    const registers = [registry];
    this.calls = new Counter({ name: 'codex_mcp_tool_calls_total', help: 'Tool calls by outcome: ok or an error code', labelNames: ['tool', 'outcome'], registers });
    this.durations = new Histogram({
      name: 'codex_mcp_tool_call_duration_seconds',
      help: 'Time from a tool call to its answer',
      labelNames: ['tool'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1200],
      registers,
    });
    this.sessions = new Gauge({ name: 'codex_mcp_mcp_sessions', help: 'MCP sessions: http counts sessions, sse open connections', labelNames: ['transport'], registers });
  }

  /** Starts the clock of a call; the returned function takes its outcome. */
  startCall(tool: string): (outcome: string) => void {
    const stop = this.durations.startTimer({ tool });
    return (outcome) => {
      stop();
      this.calls.inc({ tool, outcome });
    };
  }

  setSessions(transport: 'http' | 'sse', count: number): void {
    this.sessions.set({ transport }, count);
  }
}
