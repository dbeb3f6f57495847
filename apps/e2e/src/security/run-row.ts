import { copyBuiltTree } from '../scorecard/mutants/built-tree.js';
import { Random } from '../scorecard/random.js';
import type { RunOptions, Score } from '../scorecard/scorecard.js';
import { ServiceSystem } from '../scorecard/system/service-system.js';
import { CleanUp } from '../stack/clean-up.js';
import { repositoryRoot } from '../stack/launched.process.js';
import type { Row, RowContext, RowOutcome, SystemRow } from './rows/row.js';
import type { SharedSystems } from './shared-systems.js';

export const scoreOf = ({ tried, measured, failures, slow = [] }: RowOutcome): Score => ({
  report: [tried, ...(measured === undefined ? [] : [measured])],
  failures: [...failures, ...slow],
});

/** Runs one row, on a shared system where it asks for one and nothing is changed, else on what is started for it alone. */
export async function runRow(row: Row, options: RunOptions, cleanUp: CleanUp, shared: SharedSystems): Promise<RowOutcome> {
  const own = cleanUp.add(new CleanUp(), (one) => one.run());
  const context = { random: new Random(options.seed + row.number), scaled: (load: number) => Math.max(1, Math.round(load * options.scale)), cleanUp: own };
  try {
    if (row.system && row.shares !== undefined && !options.mutation) {
      return await shared.with(row.shares, cleanUp, async ({ root, system }) => settled(row, { ...context, root, system }));
    }
    return await runAlone(row, options, context);
  } finally {
    await own.run();
  }
}

async function runAlone(row: Row, { mutation }: RunOptions, context: Omit<RowContext, 'root'>): Promise<RowOutcome> {
  const tree = context.cleanUp.add(await copyBuiltTree(repositoryRoot, mutation && [mutation]), (one) => one.remove());
  const withRoot = { ...context, root: tree.path };
  if (!row.system) return row.run(withRoot);
  const system = context.cleanUp.add(await ServiceSystem.start({ root: tree.path, ...row.system }), (one) => one.stop());
  return settled(row, { ...withRoot, system });
}

/** No row may make a service end, unless it ends one itself. */
async function settled(row: SystemRow, context: Parameters<SystemRow['run']>[0]): Promise<RowOutcome> {
  const outcome = await row.run(context);
  return { ...outcome, failures: [...outcome.failures, ...context.system.fallen] };
}
