import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ElicitResultSchema, ListRootsResultSchema, ListToolsRequestSchema, SubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';

/** A server of the SDK with sessions in memory, which forgets them when it is restarted on its port. */
export class RestartableServer {
  readonly calls: { tool: string; headers: IncomingMessage['headers']; sessionId: string | undefined }[] = [];
  readonly cancelled: string[] = [];
  readonly subscribed: string[] = [];
  readonly ended: string[] = [];
  /** Paths with their queries. */
  readonly targets: string[] = [];
  url = '';
  /** Settles when the calls of `count` may end. */
  counted: Promise<void> = Promise.resolve();
  /** Requests without this header value are answered with 401. */
  token: string | undefined;
  private http: HttpServer | undefined;
  private readonly sessions = new Map<string, StreamableHTTPServerTransport>();
  private readonly servers: Server[] = [];

  async start(port = 0): Promise<this> {
    const http = createServer((request, response) => void this.handle(request, response));
    this.http = http;
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    const { http } = this;
    if (!http) return;
    this.http = undefined;
    this.sessions.clear();
    const closed = once(http, 'close');
    http.close();
    http.closeAllConnections();
    await closed;
  }

  async restart(): Promise<void> {
    const port = Number(new URL(this.url).port);
    await this.stop();
    await this.start(port);
  }

  /** To every client that listens. */
  async announce(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.sendToolListChanged().catch(() => undefined)));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) return void response.writeHead(401).end();
    this.targets.push(request.url ?? '');
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? this.sessions.get(id) : undefined;
    const body: unknown = request.method === 'POST' ? JSON.parse(await text(request)) : undefined;
    if (id !== undefined && !known) return void response.writeHead(404).end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
    if (request.method === 'DELETE') this.ended.push(String(id));
    await (known ?? (await this.open())).handleRequest(request, response, body);
  }

  private async open(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => void this.sessions.set(id, transport) });
    const server = new Server({ name: 'restartable', version: '1.0.0' }, { capabilities: { tools: { listChanged: true }, resources: { subscribe: true } } });
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: ['echo', 'ask', 'roots', 'count', 'hang', 'break'].map((name) => ({ name, inputSchema: { type: 'object' as const } })) }));
    server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
      this.subscribed.push(params.uri);
      return {};
    });
    server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: args, _meta: meta } }, { signal, requestInfo, sessionId, sendRequest, sendNotification, requestId }) => {
      this.calls.push({ tool: name, headers: requestInfo?.headers ?? {}, sessionId });
      const answer = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] });
      if (name === 'ask') return answer(await sendRequest({ method: 'elicitation/create', params: { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } } }, ElicitResultSchema));
      if (name === 'roots') return answer(await sendRequest({ method: 'roots/list' }, ListRootsResultSchema));
      if (name === 'break') transport.closeSSEStream(requestId);
      if (name === 'hang' || name === 'break') await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      if (name === 'hang') this.cancelled.push(String(signal.reason));
      if (name === 'count') {
        for (const progress of [1, 2, 3]) await sendNotification({ method: 'notifications/progress', params: { progressToken: meta?.progressToken ?? '', progress, message: `step ${progress}` } });
        await this.counted;
      }
      return answer(args);
    });
    await server.connect(transport);
    this.servers.push(server);
    return transport;
  }
}
