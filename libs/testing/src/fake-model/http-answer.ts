import type { ServerResponse } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function sendJson(response: ServerResponse, answer: HttpAnswer): void {
  const payload = Buffer.from(JSON.stringify(answer.body));
  response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': payload.length, ...answer.headers });
  response.end(payload);
}

export function errorAnswer(status: number, message: string, code: string | null = null): HttpAnswer {
  return { status, body: { error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', code } } };
}
