import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type RequestListener, type RequestOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '@codex-mcp/config';
import { agentKey, type AgentRegistration, AgentUpstream, runPaths } from '@codex-mcp/contracts';
import { createLogger, type Logger } from '@codex-mcp/observability';
import type { Registry } from 'prom-client';
import { GatewayConfig } from './gateway.config.js';
import { GatewayModule } from './gateway.module.js';
import { METRICS } from './gateway.tokens.js';

/** A configuration that takes nothing from the machine: no proxy, no sign-in, no Redis that answers. */
export const gatewayConfig = (env: Record<string, string> = {}): GatewayConfig =>
  loadConfig(GatewayConfig, { REDIS_URL: 'redis://127.0.0.1:1', HOME: '/nonexistent', DATA_DIR: '/nonexistent', ...env });

export const jwt = (claims: object): string => ['{"alg":"none"}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** A logger whose lines are kept. */
export function recordingLogger(): { logger: Logger; lines: () => string[] } {
  const destination = new PassThrough({ encoding: 'utf8' });
  let written = '';
  destination.on('data', (chunk: string) => (written += chunk));
  return { logger: createLogger('gateway', 'trace', destination), lines: () => written.split('\n').filter(Boolean) };
}

/** An HTTP server in the place of OpenAI. */
export async function startUpstream(listener: RequestListener): Promise<{ url: string; close: () => void }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

type Call = Omit<RequestOptions, 'headers'> & { headers?: Record<string, string> };

/** Sends a request and resolves with the head of the answer; its body is still to be read. */
export async function open(options: Call, body?: string): Promise<{ status: number; headers: IncomingMessage['headers']; stream: IncomingMessage }> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const sent = request({ ...options, agent: false, headers: { connection: 'keep-alive', ...length, ...options.headers } });
  sent.end(body);
  const [stream] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: stream.statusCode ?? 0, headers: stream.headers, stream };
}

export async function send(options: Call, body?: string): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const { stream, ...head } = await open(options, body);
  return { ...head, body: await text(stream) };
}

export type GatewayUnderTest = Awaited<ReturnType<typeof startGateway>>;

/** A whole gateway in this process, on real sockets below `runDir`. */
export async function startGateway(runDir: string, env: Record<string, string> = {}) {
  const { logger, lines } = recordingLogger();
  const app = await NestFactory.createApplicationContext(GatewayModule.with(gatewayConfig({ RUN_DIR: runDir, ...env }), logger), { logger: false, abortOnError: false });
  let stopped: Promise<void> | undefined;
  const control = (method: string, path: string, body?: unknown) =>
    send({ socketPath: runPaths.gatewayControl(runDir), method, path }, body === undefined ? undefined : JSON.stringify(body));
  return {
    lines,
    control,
    metrics: () => app.get<Registry>(METRICS).metrics(),
    health: async () => JSON.parse((await control('GET', '/health')).body) as Record<string, unknown>,
    /** Harmless when repeated. */
    stop: () => (stopped ??= app.close()),
    register: async (agentId: string, transport: AgentRegistration['transport'] = 'unix', tenant = 'local') => {
      const agent = { key: agentKey(tenant, agentId), tenant, agentId };
      const answer = await control('PUT', `/agents/${agent.key}`, { agent, transport });
      const upstream = AgentUpstream.parse(JSON.parse(answer.body));
      return { ...agent, ...upstream, socketPath: runPaths.agentGatewaySocket(runDir, agent.key) };
    },
  };
}
