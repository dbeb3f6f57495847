import { join } from 'node:path';
import { runPaths } from '@codex-mcp/contracts';
import { startRedis, temporaryDirectory } from '@codex-mcp/testing';
import { GatewayProcess } from '../../security/gateway/gateway.process.js';
import { MODEL, PROMPTS } from '../bench.model.js';
import { interleave } from '../interleave.js';
import { median, type Section } from '../result.js';
import { ModelClient } from '../subjects/model-client.js';
import type { System } from '../system.js';

const MAX_ADDED_MS = 1;
const DIRECT = 'the model directly';
/** As long as Codex's instructions, tools and some of a conversation. */
const REQUEST_BYTES = 100_000;
/** One after the other; a sample is their mean, as a single one lasts no longer than a hiccup of the machine. */
const REQUESTS = 20;
/** A gateway has served for days when an agent asks it; one that has just started runs code that is not compiled yet, which the fake's and the client's is by now. */
const WARM_UP_REQUESTS = 1000;
const BUDGETS = { BUDGET_AGENT_TOKENS: '1000000000', BUDGET_TENANT_USD: '1000000' };

/** A streamed answer over a connection that is open already: what the gateway adds to it, metering included, and with budgets. */
export async function measureGateway({ stack, options, cleanUp }: System): Promise<Section> {
  const redis = cleanUp.add(await startRedis(), (server) => server.stop());
  const agentSocket = async (env: Record<string, string>) => {
    const directory = cleanUp.add(await temporaryDirectory(), (one) => one.remove());
    const runDir = join(directory.path, 'run');
    const upstream = { OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: stack.fake.baseUrl, REDIS_URL: redis.url, HOME: directory.path, DATA_DIR: directory.path, LOG_LEVEL: 'info', AUDIT_DIR: join(directory.path, 'audit') };
    const gateway = cleanUp.add(new GatewayProcess(process.cwd(), runDir, { ...upstream, ...env }), (one) => one.kill());
    await gateway.start();
    return runPaths.agentGatewaySocket(runDir, (await gateway.register('bench')).key);
  };
  const { hostname: host, port } = new URL(stack.fake.baseUrl);
  const body = JSON.stringify({ model: MODEL, instructions: 'x'.repeat(REQUEST_BYTES), stream: true, input: [{ role: 'user', content: [{ type: 'input_text', text: PROMPTS.instant }] }] });
  const open = (place: { host: string; port: string } | { socketPath: string }) => cleanUp.add(new ModelClient(place, body), (client) => client.close());
  const [direct, metered, bounded] = [open({ host, port }), open({ socketPath: await agentSocket({}) }), open({ socketPath: await agentSocket(BUDGETS) })];
  for (const client of [direct, metered, bounded]) await client.meanMs(WARM_UP_REQUESTS);
  const samples = await interleave({ direct: () => direct.meanMs(REQUESTS), metered: () => metered.meanMs(REQUESTS), bounded: () => bounded.meanMs(REQUESTS) }, options);
  const added = (values: number[]) => median(values.map((value, round) => value - (samples.direct[round] ?? Number.NaN)));
  return {
    title: `One model request of ${REQUEST_BYTES / 1000} kB, instant model, ${REQUESTS} in a row`,
    unit: 'ms',
    rows: [
      { label: DIRECT, samples: samples.direct },
      { label: 'through the gateway, metered', samples: samples.metered, comparedTo: [DIRECT] },
      { label: 'the same with budgets', samples: samples.bounded, comparedTo: [DIRECT] },
    ],
    checks: [
      { target: 'median of what the gateway adds in a round', limit: MAX_ADDED_MS, measured: added(samples.metered), unit: 'ms' },
      { target: 'the same with budgets', limit: MAX_ADDED_MS, measured: added(samples.bounded), unit: 'ms' },
    ],
  };
}
