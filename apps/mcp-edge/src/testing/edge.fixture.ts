import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { createLogger } from '@codex-mcp/observability';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { type EdgeApplication, startEdge } from '../edge.application.js';
import { readEdgeConfig } from '../edge.config.js';

export type TestEdge = EdgeApplication & { readonly url: string; call(path: string, init?: RawRequest): Promise<RawAnswer> };

export type RawRequest = { method?: string; headers?: Record<string, string>; body?: string };
export type RawAnswer = { status: number; headers: IncomingHttpHeaders; text: string; json: Record<string, unknown> };

/** The edge on a free loopback port. Its log is silent unless the environment says otherwise. */
export async function startTestEdge(redisUrl: string, env: Record<string, string> = {}): Promise<TestEdge> {
  const config = readEdgeConfig({ REDIS_URL: redisUrl, PORT: '0', LOG_LEVEL: 'silent', ...env });
  const edge = await startEdge(config, { instance: 'edge-under-test', version: '1.2.3', startedAtMs: Date.now() }, createLogger('mcp-edge', config.LOG_LEVEL));
  return { ...edge, url: `http://127.0.0.1:${edge.port}`, call: (path, init) => rawCall(edge.port, path, init) };
}

/** A request with exactly these headers: fetch would not let a test choose Host or Origin. */
export async function rawCall(port: number, path: string, { method = 'GET', headers = {}, body }: RawRequest = {}): Promise<RawAnswer> {
  const answer = await new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: bytes.toString() }), reject);
    });
    request.on('error', reject);
    request.end(body);
  });
  return { ...answer, json: method !== 'HEAD' && isJson(answer.headers) ? (JSON.parse(answer.text) as Record<string, unknown>) : {} };
}

const isJson = (headers: IncomingHttpHeaders): boolean => /json/.test(headers['content-type'] ?? '');

export const TRANSPORTS = ['http', 'sse'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** `roots`: the directories that the client says it works in. */
type ClientOptions = { name?: string; headers?: Record<string, string>; query?: string; roots?: () => string[] };

/** The SDK's own client over a real socket. */
export async function connectClient(edge: TestEdge, transport: TransportName, { name = 'Test Client', headers = {}, query = '', roots }: ClientOptions = {}): Promise<Client> {
  const client = new Client({ name, version: '1.0.0' }, { capabilities: roots ? { roots: { listChanged: true } } : {} });
  if (roots) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: roots().map((uri) => ({ uri })) }));
  const options = { requestInit: { headers }, eventSourceInit: { fetch: (url: string | URL | Request, init?: RequestInit) => fetch(url, { ...init, headers: { ...headersOf(init), ...headers } }) } };
  const path = transport === 'http' ? 'mcp' : 'sse';
  const url = new URL(`${edge.url}/${path}${query}`);
  await client.connect(transport === 'http' ? new StreamableHTTPClientTransport(url, options) : new SSEClientTransport(url, options));
  return client;
}

const headersOf = (init: RequestInit | undefined): Record<string, string> => Object.fromEntries(new Headers(init?.headers));
