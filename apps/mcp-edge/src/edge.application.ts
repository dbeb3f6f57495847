import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '@codex-mcp/config';
import { createRedis, createSubscriber, HeartbeatPublisher } from '@codex-mcp/messaging';
import { AuditLog, createMetrics, type Logger, nestLogger } from '@codex-mcp/observability';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import { AllowedHosts } from './access/allowed-hosts.js';
import { knownPrincipalOf } from './access/principal.js';
import { refuseForeignRequests } from './access/request-origin.middleware.js';
import type { EdgeConfig } from './edge.config.js';
import { EdgeModule, type EdgeResources } from './edge.module.js';
import { Readiness } from './health/readiness.service.js';
import { answerBrokenRequest } from './http/broken-request.js';
import { closeWithConnection, responsesOf } from './http/connection-responses.js';
import { correlate } from './http/correlation-id.middleware.js';
import { ExpressServer } from './http/express-server.js';
import { dropStalledConnections } from './http/stalled-connections.js';
import { protect } from './http/security-headers.middleware.js';
import { ToolInvoker } from './invocation/tool-invoker.service.js';

const HEADERS_TIMEOUT_MS = 60_000;
/** Until a request has arrived whole; its answer may take its time. */
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const FLUSH_TIMEOUT_MS = 1000;
/** For what says goodbye to Redis, which may not listen. */
const FAREWELL_TIMEOUT_MS = 1000;
const HEARTBEAT_RETRY_MS = 1000;

export type EdgeApplication = { readonly port: number; close(): Promise<void> };

/** Starts the edge. Redis need not answer yet; a port that cannot be had is a ConfigError. */
export async function startEdge(config: EdgeConfig, process: EdgeResources['process'], logger: Logger): Promise<EdgeApplication> {
  const metrics = createMetrics('mcp-edge');
  const audit = new AuditLog(config, { service: 'mcp-edge', instance: process.instance }, logger, metrics);
  const redis = createRedis(config.REDIS_URL.reveal(), 'brisk');
  const resources = { config, process, logger, audit, metrics, redis, subscriber: createSubscriber(redis) };
  const disconnect = () => [resources.subscriber, redis].forEach((connection) => connection.disconnect());
  const beats = new HeartbeatPublisher(redis, () => ({ service: 'mcp-edge', ...process, pid: globalThis.process.pid, ...(audit.problem !== undefined && { auditProblem: audit.problem }) }));
  try {
    const app = await createApplication(resources);
    const server = await listen(app, config, logger);
    const stopBeating = keepBeating(beats);
    logger.info({ bind: config.BIND, port: portOf(server) }, 'listening');
    return {
      port: portOf(server),
      close: async () => {
        await shutDown(app, server, config.SHUTDOWN_TIMEOUT);
        await atMost(FAREWELL_TIMEOUT_MS, stopBeating());
        disconnect();
        await audit.close();
      },
    };
  } catch (error) {
    disconnect();
    await audit.close();
    throw error;
  }
}

/** All that answers requests, not listening yet. */
export async function createApplication(resources: EdgeResources): Promise<INestApplication> {
  const http = express();
  http.disable('x-powered-by').disable('etag');
  http.use(closeWithConnection, correlate, protect, refuseForeignRequests(new AllowedHosts(resources.config.BIND, resources.config.ALLOWED_HOSTS)));
  return NestFactory.create(EdgeModule.register(resources), new ExpressServer(http), { bodyParser: false, logger: nestLogger(resources.logger), abortOnError: false });
}

/** The server of an application, with its limits on what comes in. */
export async function prepareServer(app: INestApplication): Promise<Server> {
  const server = app.getHttpServer() as Server;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  server.on('clientError', answerBrokenRequest);
  await app.init();
  return server;
}

async function listen(app: INestApplication, { PORT, BIND, STALL_TIMEOUT }: EdgeConfig, logger: Logger): Promise<Server> {
  const server = await prepareServer(app);
  dropStalledConnections(server, (reason) => logger.warn({ event: 'reader_dropped', reason }, 'a connection was dropped: its client does not read'), { stallTimeoutMs: STALL_TIMEOUT, ownerOf: tenantOf });
  server.listen(PORT, BIND.replace(/^\[|\]$/g, ''));
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    throw portError(error, PORT, BIND);
  }
}

/** Whose requests a connection brings at the moment. */
const tenantOf = (socket: Socket): string | undefined => [...responsesOf(socket)].map((response) => knownPrincipalOf(response)?.tenant).find((tenant) => tenant !== undefined);

function portError(error: unknown, port: number, bind: string): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return new ConfigError(`PORT ${port} on ${bind} is taken by another process. Set PORT to a free one, or end that process.`);
  if (code === 'EACCES') return new ConfigError(`PORT ${port} may not be opened by this user. Set PORT to one above 1023.`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new ConfigError(`BIND=${bind} is no address of this machine. Set BIND to one, such as 127.0.0.1.`);
  return error;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Announces this process as soon as Redis takes it. */
function keepBeating(beats: HeartbeatPublisher): () => Promise<void> {
  const stopping = new AbortController();
  const begin = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        return await beats.start();
      } catch {
        await delay(HEARTBEAT_RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };
  const begun = begin();
  return async () => {
    stopping.abort();
    await begun;
    await beats.stop();
  };
}

/** No new connections; calls in flight get their time; then the streams end, and what is left of connections is cut. */
async function shutDown(app: INestApplication, server: Server, timeoutMs: number): Promise<void> {
  app.get(Readiness).close();
  const closed = once(server, 'close');
  server.close();
  await app.get(ToolInvoker).drain(timeoutMs);
  // Closing waits for every connection, also for one that a client opened and never used.
  const cut = setTimeout(() => server.closeAllConnections(), FLUSH_TIMEOUT_MS);
  await atMost(FLUSH_TIMEOUT_MS + FAREWELL_TIMEOUT_MS, app.close().then(() => closed));
  clearTimeout(cut);
}

async function atMost(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, delay(timeoutMs, undefined, { signal: timer.signal })]).catch(() => undefined);
  timer.abort();
}
