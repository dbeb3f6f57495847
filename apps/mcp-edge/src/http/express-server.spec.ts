import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import express from 'express';
import { ExpressServer } from './express-server.js';

it('gives Express requests and responses whose prototypes it need not change', async () => {
  const app = express();
  const adapter = new ExpressServer(app);
  adapter.initHttpServer();
  const server = adapter.getHttpServer() as Server;
  const prototypes: unknown[] = [];
  const note = (request: IncomingMessage, response: ServerResponse) => void prototypes.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response));
  server.prependListener('request', note);
  app.get('/', (request, response) => {
    note(request, response);
    response.status(201).json({ app: request.app === app && response.app === app, path: request.path, accepts: request.accepts('json') });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect([answer.status, await answer.json()]).toEqual([201, { app: true, path: '/', accepts: 'json' }]);
  expect(prototypes[2]).toBe(prototypes[0]);
  expect(prototypes[3]).toBe(prototypes[1]);
  server.close();
});
