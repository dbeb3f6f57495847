import { maxHeaderSize, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { newCorrelationId } from '@codex-mcp/contracts';
import { HttpProblem, problemOf } from './http-problem.js';

/** What Node's parser or its clock refuses never becomes a request: answered here, with the limit that it broke. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  // Node keeps the answer under way there; another one in its midst would be read as a part of it.
  const begun = (socket as Socket & { ['_httpMessage']?: ServerResponse | null })['_httpMessage']?.headersSent === true;
  if (!socket.writable || begun || error.code === 'ECONNRESET') return void socket.destroy();
  const problem = problemOf(problemFor(error.code), newCorrelationId());
  const body = JSON.stringify(problem);
  const head = [`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`, 'Content-Type: application/problem+json', `Content-Length: ${Buffer.byteLength(body)}`, 'X-Content-Type-Options: nosniff', 'Cache-Control: no-store', 'Connection: close'];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function problemFor(code: string | undefined): HttpProblem {
  if (code === 'HPE_HEADER_OVERFLOW') return new HttpProblem(431, 'headers_too_large', `The request's path and headers hold at most ${maxHeaderSize / 1024} KiB together.`);
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new HttpProblem(408, 'request_timeout', 'The request took too long to arrive.');
  return new HttpProblem(400, 'bad_request', 'That is no HTTP request.');
}
