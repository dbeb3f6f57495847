import { PROMPTS, THINKING_MS } from '../bench.model.js';
import { interleave } from '../interleave.js';
import { median, type Section } from '../result.js';
import { McpCaller } from '../subjects/mcp-caller.subject.js';
import { RawCodex } from '../subjects/raw-codex.subject.js';
import type { System } from '../system.js';

const AGENTS = 8;
const MAX_MS = 1300;
const RAW = `${AGENTS} raw app-servers`;

/** Eight clients with an agent each, at the same time, with a model that thinks for a second. */
export async function measureParallelTurns({ stack, options, cleanUp }: System): Promise<Section> {
  const numbers = Array.from({ length: AGENTS }, (_, index) => index);
  const callers = await Promise.all(numbers.map(async (index) => new McpCaller(await stack.httpClient(`bench-${index}`), `bench-parallel-${index}`)));
  const codexes: RawCodex[] = [];
  for (const _ of numbers) codexes.push(cleanUp.add(await RawCodex.start(stack.fake.baseUrl), (codex) => codex.stop()));
  const samples = await interleave({ raw: () => allTurns(codexes), system: () => allTurns(callers) }, { rounds: options.longRounds, warmUps: 1 });
  return {
    title: `${AGENTS} agents in parallel, model ${THINKING_MS / 1000} s`,
    unit: 'ms',
    rows: [
      { label: RAW, samples: samples.raw },
      { label: 'whole system over /mcp', samples: samples.system, comparedTo: [RAW] },
    ],
    checks: [{ target: 'all turns', limit: MAX_MS, measured: median(samples.system), unit: 'ms' }],
  };
}

async function allTurns(subjects: { turn(text: string): Promise<unknown> }[]): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(subjects.map((subject) => subject.turn(PROMPTS.thoughtful)));
  return performance.now() - startedAt;
}
