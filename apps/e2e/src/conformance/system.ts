import { freePort, roundRobin, startRedis } from '@codex-mcp/testing';
import { entryOf, LaunchedProcess, repositoryRoot } from '../stack/launched.process.js';
import { builtFile } from './suite.js';

const REPLICAS = 3;
const READY_TIMEOUT_MS = 60_000;

export type ConformanceSystem = { /** Of MCP, behind the balancer. */ readonly url: string; /** Requests to each edge. */ readonly counts: readonly number[]; stop(): Promise<void> };

/** Three edges with the suite's fixtures behind a balancer without affinity, and a worker that takes the fixtures' turns from the queue. */
export async function startConformanceSystem(): Promise<ConformanceSystem> {
  const redis = await startRedis();
  const ports = await Promise.all(Array.from({ length: REPLICAS }, () => freePort()));
  const env = { PATH: process.env['PATH'], REDIS_URL: redis.url, LOG_LEVEL: 'warn', MCP_CONFORMANCE: 'true' };
  const edges = ports.map((port) => new LaunchedProcess([entryOf('mcp-edge')], { env: { ...env, PORT: String(port) }, cwd: repositoryRoot }));
  const worker = new LaunchedProcess([builtFile('fixture.worker.js')], { env, cwd: repositoryRoot });
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const stop = async () => {
    const processes = [...edges, worker];
    for (const one of processes) one.signal('SIGKILL'); // nothing of theirs is kept
    await Promise.all(processes.map((one) => one.exit()));
    await redis.stop();
  };
  try {
    await worker.until(async () => worker.output.includes('ready'), READY_TIMEOUT_MS);
    await Promise.all(edges.map((edge, index) => edge.until(() => answers(`${urls[index]}/`), READY_TIMEOUT_MS)));
    const balancer = await roundRobin(urls);
    return { url: `${balancer.url}/mcp`, counts: balancer.counts, stop: () => balancer.close().then(stop) };
  } catch (error) {
    await stop();
    throw error;
  }
}

const answers = (url: string): Promise<boolean> => fetch(url).then(({ ok }) => ok, () => false);
