import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdioTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { repositoryRoot } from '../../stack/launched.process.js';
import type { Installation } from '../installation.js';
import type { Place, Subject } from '../subject.js';

const info = { name: 'sdk', version: '1.0.0' };
/** Asks for progress, and waits 60 s for each: the SDK's default. */
const patient = { onprogress: () => undefined, resetTimeoutOnProgress: true };

const version1 = (name: string, transportTo: (place: Place, installed: () => Installation) => Transport): Subject => ({
  name,
  async open(place, installed) {
    const client = new Client(info);
    await client.connect(transportTo(place, installed));
    return {
      tools: async () => JSON.stringify(await client.listTools()),
      call: async ({ tool, args, signal }) => JSON.stringify(await client.callTool({ name: tool, arguments: args }, undefined, { ...patient, ...(signal && { signal }) })),
      close: () => client.close(),
    };
  },
});

type ModernWire = Parameters<ModernClient['connect']>[0];

const version2 = (name: string, mode: 'legacy' | { pin: string }, transportTo: (place: Place) => ModernWire = ({ wire }) => new ModernTransport(new URL(`${wire.url}/mcp`))): Subject => ({
  name,
  async open(place) {
    const client = new ModernClient(info, { versionNegotiation: { mode } });
    await client.connect(transportTo(place));
    return {
      tools: async () => JSON.stringify(await client.listTools()),
      call: async ({ tool, args, signal }) => JSON.stringify(await client.callTool({ name: tool, arguments: args }, { ...patient, ...(signal && { signal }) })),
      close: () => client.close(),
    };
  },
});

const child = (home: string, command: string, args: string[]) => ({ command, args, cwd: home, env: { PATH: process.env['PATH'] ?? '', HOME: home }, stderr: 'ignore' as const });
const bridgeTo = ({ wire, home }: Place) => child(home, process.execPath, [`${repositoryRoot}apps/cli/bin/codex-mcp.js`, 'stdio', '--url', wire.url]);

export const sdk1Http = version1('TS SDK 1 http', ({ wire }) => new StreamableHTTPClientTransport(new URL(`${wire.url}/mcp`)));
export const sdk1Sse = version1('TS SDK 1 sse', ({ wire }) => new SSEClientTransport(new URL(`${wire.url}/sse`)));
export const sdk2Legacy = version2('TS SDK 2 sessions', 'legacy');
export const sdk2Modern = version2('TS SDK 2 2026-07-28', { pin: '2026-07-28' });
export const bridge = version1('codex-mcp stdio', (place) => new StdioClientTransport(bridgeTo(place)));
export const bridgeModern = version2('codex-mcp stdio 2026-07-28', { pin: '2026-07-28' }, (place) => new ModernStdioTransport(bridgeTo(place)));
export const mcpRemote = version1('mcp-remote', ({ wire, home }, installed) => new StdioClientTransport(child(home, installed().node, [installed().file('mcp-remote', 'dist/proxy.js'), `${wire.url}/mcp`, '--allow-http'])));
