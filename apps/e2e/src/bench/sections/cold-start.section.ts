import { PROMPTS } from '../bench.model.js';
import { interleave } from '../interleave.js';
import { median, type Section } from '../result.js';
import { McpCaller } from '../subjects/mcp-caller.subject.js';
import { RawCodex } from '../subjects/raw-codex.subject.js';
import type { System } from '../system.js';

const MAX_MS = 600;
const RAW = 'raw app-server with a new home';

/** From the first call of an agent that does not exist to its first request at the model. */
export async function measureColdStarts({ stack, runtime, options }: System): Promise<Section> {
  const client = await stack.httpClient('bench-cold');
  const samples = await interleave(
    { raw: () => rawStart(stack.fake.baseUrl, firstRequest), system: (round) => firstRequest(() => new McpCaller(client, `bench-cold-${round + options.warmUps}`).turn(PROMPTS.instant)) },
    { rounds: options.longRounds, warmUps: 1 },
  );
  return {
    title: `Cold agent to first model request (${runtime})`,
    unit: 'ms',
    rows: [
      { label: RAW, samples: samples.raw },
      { label: 'whole system over /mcp', samples: samples.system, comparedTo: [RAW] },
    ],
    checks: [{ target: 'new agent_id', limit: MAX_MS, measured: median(samples.system), unit: 'ms' }],
  };

  async function firstRequest(work: () => Promise<unknown>): Promise<number> {
    const startedAt = performance.timeOrigin + performance.now();
    const [{ at }] = await Promise.all([stack.fake.waitFor((request) => request.at > startedAt && request.model !== undefined), work()]);
    return at - startedAt;
  }
}

async function rawStart(baseUrl: string, measure: (work: () => Promise<unknown>) => Promise<number>): Promise<number> {
  let codex: RawCodex | undefined;
  try {
    return await measure(async () => {
      codex = await RawCodex.start(baseUrl);
      await codex.turn(PROMPTS.instant);
    });
  } finally {
    await codex?.stop();
  }
}
