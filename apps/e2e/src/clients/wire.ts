import { createServer, type IncomingMessage, request as forward, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { endServer, listenOnLoopback } from '@codex-mcp/testing';
import { z } from 'zod';

const Message = z.looseObject({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.looseObject({ name: z.string().optional(), protocolVersion: z.string().optional(), _meta: z.looseObject({ progressToken: z.union([z.string(), z.number()]).optional() }).optional() }).optional(),
});
type Message = z.infer<typeof Message>;

/** As the edge has it: a client must not find a connection closed that the edge would have kept. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** A way to the edge that one client has to itself, which notes what goes over it. */
export class Wire {
  /** What the client has sent: `initialize`, `tools/call`, … */
  readonly methods: string[] = [];
  /** Revisions of the protocol that it named. */
  readonly revisions = new Set<string>();
  /** Of its calls, how many asked for progress. */
  askedForProgress = 0;
  progress = 0;
  url = '';

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    private readonly target: URL,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.carry(request, response).catch(() => response.destroy()));
  }

  static async to(url: string): Promise<Wire> {
    const wire = new Wire(createServer({ requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }), new URL(url));
    wire.url = await listenOnLoopback(wire.server);
    return wire;
  }

  close(): Promise<void> {
    return endServer(this.server);
  }

  private async carry(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    for (const message of messagesIn(body.toString())) this.noteSent(message);
    const revision = request.headers['mcp-protocol-version'];
    if (typeof revision === 'string') this.revisions.add(revision);
    const { host, port } = this.target;
    const onward = forward({ hostname: this.target.hostname, port, method: request.method, path: request.url, headers: { ...request.headers, host }, agent: false });
    // Whoever closes the one side closes the other: that is how some clients cancel.
    response.on('close', () => onward.destroy());
    onward.on('error', () => response.destroy());
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      let rest = '';
      answer.on('data', (chunk: Buffer) => {
        response.write(chunk);
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('data:')) for (const { method } of messagesIn(line.slice(5))) if (method === 'notifications/progress') this.progress++;
      });
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    onward.end(body);
  }

  private noteSent({ method, params }: Message): void {
    if (method === undefined) return;
    this.methods.push(method === 'tools/call' ? `tools/call ${params?.name}` : method);
    if (params?.protocolVersion !== undefined) this.revisions.add(params.protocolVersion);
    if (params?._meta?.progressToken !== undefined) this.askedForProgress++;
  }
}

function messagesIn(text: string): Message[] {
  try {
    const parsed: unknown = JSON.parse(text);
    const messages: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    return messages.map((one) => Message.safeParse(one).data).filter((one) => one !== undefined);
  } catch {
    return [];
  }
}
