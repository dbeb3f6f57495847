// Runs in the Node of the installation: `library.main.js <package.json of the installation> <library> <url of /mcp>`,
// with the call as JSON on standard input, or nothing for the list of tools. Prints what the library answers.
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const Call = z.object({ tool: z.string(), args: z.record(z.string(), z.unknown()) });
type Call = z.infer<typeof Call>;

type Agents = {
  MCPServerStreamableHttp: new (options: { url: string; name: string }) => {
    connect(): Promise<void>;
    close(): Promise<void>;
    listTools(): Promise<unknown>;
    callTool(name: string, args: Record<string, unknown>, meta: undefined, options: { signal: AbortSignal }): Promise<unknown>;
  };
};
type AiSdk = {
  createMCPClient(options: { transport: { type: 'http'; url: string }; name: string }): Promise<{
    close(): Promise<void>;
    listTools(): Promise<unknown>;
    callTool(call: { name: string; arguments: Record<string, unknown>; options: { signal: AbortSignal } }): Promise<unknown>;
  }>;
};

type Opened = { list(): Promise<unknown>; call(call: Call, signal: AbortSignal): Promise<unknown>; close(): Promise<void> };

const LIBRARIES: Record<string, (load: NodeJS.Require, url: string) => Promise<Opened>> = {
  async '@openai/agents'(load, url) {
    const { MCPServerStreamableHttp } = load('@openai/agents') as Agents;
    const server = new MCPServerStreamableHttp({ url, name: 'codex-mcp' });
    await server.connect();
    return { list: () => server.listTools(), call: ({ tool, args }, signal) => server.callTool(tool, args, undefined, { signal }), close: () => server.close() };
  },

  async '@ai-sdk/mcp'(load, url) {
    const client = await (load('@ai-sdk/mcp') as AiSdk).createMCPClient({ transport: { type: 'http', url }, name: 'ai-sdk' });
    return { list: () => client.listTools(), call: ({ tool, args }, signal) => client.callTool({ name: tool, arguments: args, options: { signal } }), close: () => client.close() };
  },
};

const [, , installation = '', library = '', url = ''] = process.argv;
const input = await text(process.stdin);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
const opened = await LIBRARIES[library]?.(createRequire(installation), url);
if (!opened) throw new Error(`there is no library ${library}`);
try {
  const answer = input === '' ? await opened.list() : await opened.call(Call.parse(JSON.parse(input)), stop.signal);
  process.stdout.write(JSON.stringify(answer));
} finally {
  await opened.close();
}
