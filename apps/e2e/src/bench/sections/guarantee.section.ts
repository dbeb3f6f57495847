import { copyBuiltTree } from '../../scorecard/mutants/built-tree.js';
import { startStack } from '../../stack/stack.fixture.js';
import { repositoryRoot } from '../../stack/launched.process.js';
import { PROMPTS } from '../bench.model.js';
import { interleave } from '../interleave.js';
import { median, type Section } from '../result.js';
import { McpCaller } from '../subjects/mcp-caller.subject.js';
import { UNGUARDED } from '../subjects/unguarded.js';
import type { System } from '../system.js';

const MAX_COST_MS = 3;
const AGENT = 'bench-guarantee';

/** The same warm turn on the product and on a copy of it without records, log, lease and append-only file. */
export async function measureGuarantee({ stack, runtime, options, cleanUp }: System): Promise<Section> {
  const tree = cleanUp.add(await copyBuiltTree(repositoryRoot, UNGUARDED), (copy) => copy.remove());
  const unguarded = cleanUp.add(await startStack({ runtime, fake: stack.fake, root: tree.path }), (copy) => copy.stop());
  const [on, off] = [new McpCaller(await stack.httpClient(AGENT), AGENT), new McpCaller(await unguarded.httpClient(AGENT), AGENT)];
  const samples = await interleave(
    {
      off: async () => (await off.turn(PROMPTS.instant)).totalMs,
      on: async () => (await on.turn(PROMPTS.instant)).totalMs,
    },
    options,
  );
  const difference = (of: (values: number[]) => number) => (of(samples.on) - of(samples.off)).toFixed(1);
  const costs = samples.on.map((value, round) => value - (samples.off[round] ?? Number.NaN));
  return {
    title: 'What the guarantee costs a warm turn over /mcp',
    unit: 'ms',
    rows: [
      { label: 'without log, lease and append-only file', samples: samples.off },
      { label: 'with them', samples: samples.on },
      { label: 'difference in each round', samples: costs },
    ],
    checks: [{ target: 'median difference', limit: MAX_COST_MS, measured: median(costs), unit: 'ms' }],
    // On a busy machine the rounds differ by more than what is measured; the fastest turns of each side were disturbed least.
    notes: [`difference of the medians ${difference(median)} ms, of the fastest turns ${difference((values) => Math.min(...values))} ms`],
  };
}
