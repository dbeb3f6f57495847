import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { createRedis, createSubscriber, TurnStore } from '@codex-mcp/messaging';
import { AuditLog, createLogger, createMetrics } from '@codex-mcp/observability';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import express, { type Request, type Response } from 'express';
import type { Redis } from 'ioredis';
import { LOCAL_PRINCIPAL, setPrincipal } from '../access/principal.js';
import { createApplication } from '../edge.application.js';
import { readEdgeConfig } from '../edge.config.js';
import { STANDALONE } from '../mcp/sessions/event-log.js';
import { EventStreams } from '../mcp/sessions/event-streams.js';
import { ReplicaChannel } from '../mcp/sessions/replica-channel.js';
import { SseController } from '../mcp/sse.controller.js';
import { TurnEventStreams } from '../rest/turn-event-streams.service.js';
import { exchange, WholeJson } from './web-exchange.js';

jest.setTimeout(30_000); // on a busy machine

const metrics = createMetrics('mcp-edge');
let redisServer: RedisFixture;
let redis: Redis;
let subscriber: Redis;
let app: INestApplication;
let server: Server;
const http = express();

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url, 'brisk');
  subscriber = createSubscriber(redis);
  const config = readEdgeConfig({ REDIS_URL: redisServer.url, PORT: '0' });
  const logger = createLogger('mcp-edge', 'silent');
  const audit = new AuditLog(config, { service: 'mcp-edge', instance: 'x' }, logger);
  app = await createApplication({ config, process: { instance: 'x', version: '1.2.3', startedAtMs: 0 }, logger, audit, metrics, redis, subscriber });
  await app.init();
  server = createServer(http).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  await app.close();
  [subscriber, redis].forEach((connection) => connection.disconnect());
  await redisServer.stop();
});

/** A request whose client has gone while something else about it was waited for. */
async function gone(): Promise<[Request, Response]> {
  const arrived = new Promise<[Request, Response]>((resolve) => http.get('/', (...[request, response]) => resolve([request, response])));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [request, response] = await arrived;
  http.router.stack.pop();
  client.destroy();
  await once(response, 'close');
  setPrincipal(response, LOCAL_PRINCIPAL);
  return [request, response];
}

describe('of a client that has gone before', () => {
  it('no turn is followed', async () => {
    const turn: TurnRequest = { turnId: newTurnId(), tool: 'chat', agent: { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' }, arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
    await new TurnStore(redis).accept(turn, 10);
    const [, response] = await gone();
    await app.get(TurnEventStreams, { strict: false }).send(response, turn.turnId);
  });

  it('no stream of a session is taken from whoever reads it by now', async () => {
    const replicas = app.get(ReplicaChannel, { strict: false });
    const notes: string[] = [];
    const heard = new Promise<void>((resolve) => replicas.on('grown', () => resolve()));
    replicas.on('taken', ({ type }) => notes.push(type));
    const [, response] = await gone();
    await app.get(EventStreams, { strict: false }).serve(response, { session: 'x', stream: STANDALONE, cursor: '0-0' });
    replicas.tellAll({ type: 'grown', key: 'x' });
    await heard;
    expect(notes).toEqual([]);
  });

  it('no session over /sse is left', async () => {
    await app.get(SseController, { strict: false }).open(...(await gone()));
    expect(await metrics.getSingleMetricAsString('codex_mcp_mcp_sessions')).not.toMatch(/sse.* 1$/m);
  });

  it('no request of 2026-07-28 is begun', async () => {
    const begun: unknown[] = [];
    const late = { afterMs: 60_000, headers: {}, keepAlive: { text: '', everyMs: 60_000 }, frame: (json: string) => json };
    await exchange(...(await gone()), async (request) => new WholeJson([String(begun.push(request))]), late);
    expect(begun).toEqual([]);
  });
});
