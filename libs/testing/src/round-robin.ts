import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { endServer, listenOnLoopback } from './loopback.fixture.js';

/** Passes each request to the next of several servers, whatever it is, as a balancer without affinity does. */
export type RoundRobin = {
  readonly url: string;
  /** Requests that each server was given. */
  readonly counts: readonly number[];
  close(): Promise<void>;
};

/** `urls`: origins. A connection that one side cuts is cut on the other too. */
export async function roundRobin(urls: readonly string[]): Promise<RoundRobin> {
  const counts = urls.map(() => 0);
  let turn = 0;
  const server = createServer((request, response) => {
    const index = turn++ % urls.length;
    counts[index] = (counts[index] ?? 0) + 1;
    pass(request, response, new URL(request.url ?? '/', urls[index]));
  });
  server.requestTimeout = 0;
  return { url: await listenOnLoopback(server), counts, close: () => endServer(server) };
}

function pass(request: IncomingMessage, response: ServerResponse, url: URL): void {
  const onward = httpRequest(url, { method: request.method, headers: request.headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  onward.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}
