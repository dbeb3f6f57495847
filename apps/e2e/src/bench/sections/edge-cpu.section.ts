import { existsSync } from 'node:fs';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CallToolResultSchema, ListToolsResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { interleave } from '../interleave.js';
import { median, type Row, type Section } from '../result.js';
import { cpuMs, edgeOf } from '../subjects/service-process.js';
import type { System } from '../system.js';

const MAX_CALL_MS = 1;
const MAX_LIST_MS = 0.9;
const CLIENTS = 16;
/** So many that the clock of /proc, which counts in steps of 10 ms, is exact to some percent. */
const CALLS_OF_EACH = 32;

/** CPU time of the edge for what costs it least, so that it is the protocol's share of any call. */
export async function measureEdgeCpu({ stack, options }: System): Promise<Section | undefined> {
  if (!existsSync('/proc/self/stat')) return undefined;
  const edge = await edgeOf(stack.pid);
  const names = Array.from({ length: CLIENTS }, (_, index) => `bench-cpu-${index}`);
  const http = await Promise.all(names.map((name) => stack.httpClient(name)));
  const sse = await Promise.all(names.map((name) => stack.sseClient(name)));
  const samples = await interleave(
    {
      callHttp: () => costOfEach(http, healthCheck),
      callSse: () => costOfEach(sse, healthCheck),
      listHttp: () => costOfEach(http, listTools),
      listSse: () => costOfEach(sse, listTools),
    },
    { rounds: options.longRounds, warmUps: options.warmUps },
  );
  const row = (label: string, values: number[]): Row => ({ label, samples: values });
  return {
    title: `CPU time of the edge for a call, ${CLIENTS} clients at once`,
    unit: 'ms',
    rows: [row('health_check over /mcp', samples.callHttp), row('health_check over /sse', samples.callSse), row('tools/list over /mcp', samples.listHttp), row('tools/list over /sse', samples.listSse)],
    checks: [
      { target: 'health_check over /mcp', limit: MAX_CALL_MS, measured: median(samples.callHttp), unit: 'ms' },
      { target: 'tools/list over /mcp', limit: MAX_LIST_MS, measured: median(samples.listHttp), unit: 'ms' },
    ],
  };

  async function costOfEach(clients: readonly Client[], request: (client: Client) => Promise<void>): Promise<number> {
    const before = await cpuMs(edge);
    await Promise.all(
      clients.map(async (client) => {
        for (let call = 0; call < CALLS_OF_EACH; call++) await request(client);
      }),
    );
    return ((await cpuMs(edge)) - before) / (clients.length * CALLS_OF_EACH);
  }
}

async function healthCheck(client: Client): Promise<void> {
  const { isError, structuredContent } = await client.request({ method: 'tools/call', params: { name: 'health_check', arguments: {} } }, CallToolResultSchema);
  if (isError || typeof structuredContent?.['status'] !== 'string') throw new Error(`health_check answered ${JSON.stringify(structuredContent)}`);
}

/** Not the client's own `listTools`, which compiles every schema. */
async function listTools(client: Client): Promise<void> {
  const { tools } = await client.request({ method: 'tools/list' }, ListToolsResultSchema);
  if (!tools.some(({ name }) => name === 'health_check')) throw new Error('tools/list leaves out health_check');
}
