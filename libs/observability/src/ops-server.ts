import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '@codex-mcp/contracts';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export type HealthReport = { ok: boolean; [detail: string]: unknown };

/** The metrics of one process; each metric is named `codex_mcp_…`. */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, prefix: 'codex_mcp_' });
  return registry;
}

/** A value that is read when somebody asks for the metrics. */
export function addGauge(registry: Registry, name: string, help: string, read: () => number | Promise<number>): void {
  const gauge = new Gauge({
    name,
    help,
    registers: [],
    async collect() {
      this.set(await read());
    },
  });
  registry.registerMetric(gauge);
}

/** `/health` (200 or 503) and `/metrics` (Prometheus text) of a process without a public port. */
export async function startOpsServer(options: {
  bind: string;
  port: number;
  metrics: Registry;
  health: () => Promise<HealthReport>;
}): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const answer = async () => {
      if (request.url === '/metrics') {
        response.writeHead(200, { 'content-type': options.metrics.contentType }).end(await options.metrics.metrics());
      } else if (request.url === '/health') {
        const report = await options.health();
        response.writeHead(report.ok ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(report));
      } else {
        response.writeHead(404).end();
      }
    };
    answer().catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ok: false, problem: error instanceof Error ? error.message : 'unknown' }));
    });
  });
  server.listen(options.port, options.bind);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new AppError('service_unavailable', `The port for /health and /metrics cannot be opened: ${error instanceof Error ? error.message : String(error)}. Change OPS_PORT or OPS_BIND.`, { cause: error });
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
