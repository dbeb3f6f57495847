import { copyBuiltTree } from '../scorecard/mutants/built-tree.js';
import { ServiceSystem, type SystemOptions } from '../scorecard/system/service-system.js';
import type { CleanUp } from '../stack/clean-up.js';
import { type Environment, repositoryRoot } from '../stack/launched.process.js';
import { ALL_ROWS } from './rows/all-rows.js';
import type { SystemRow } from './rows/row.js';

type Shared = { readonly root: string; readonly system: ServiceSystem };

/** The systems that rows of one run share, each started for the first row that asks, and used by one row at a time. */
export class SharedSystems {
  private readonly started = new Map<string, Promise<Shared>>();
  private readonly turns = new Map<string, Promise<unknown>>();

  /** Resolves with what `use` does; what it starts is ended by `cleanUp`. */
  async with<Result>(name: string, cleanUp: CleanUp, use: (shared: Shared) => Promise<Result>): Promise<Result> {
    const before = this.turns.get(name) ?? Promise.resolve();
    const turn = before.then(async () => use(await this.system(name, cleanUp)));
    this.turns.set(name, turn.catch(() => undefined));
    return turn;
  }

  private system(name: string, cleanUp: CleanUp): Promise<Shared> {
    const known = this.started.get(name) ?? startFor(rowsOn(name), cleanUp);
    this.started.set(name, known);
    return known;
  }
}

const rowsOn = (name: string): SystemRow[] => ALL_ROWS.filter((row): row is SystemRow => row.system !== undefined && row.shares === name);

async function startFor(rows: readonly SystemRow[], cleanUp: CleanUp): Promise<Shared> {
  const tree = cleanUp.add(await copyBuiltTree(repositoryRoot), (one) => one.remove());
  const system = cleanUp.add(await ServiceSystem.start({ root: tree.path, ...together(rows.map((row) => row.system)) }), (one) => one.stop());
  return { root: tree.path, system };
}

/** The most services and the variables of all. Throws where two set a variable differently. */
export function together(all: readonly SystemRow['system'][]): Omit<SystemOptions, 'root'> {
  return {
    workers: Math.max(...all.map(({ workers }) => workers)),
    edges: Math.max(...all.map(({ edges = 0 }) => edges)),
    env: merged(all.map(({ env = {} }) => env)),
    furnish: async (directory) => merged(await Promise.all(all.map(async ({ furnish }) => (await furnish?.(directory)) ?? {}))),
  };
}

function merged(all: readonly Environment[]): Environment {
  const result = new Map<string, string | undefined>();
  for (const [name, value] of all.flatMap((env) => Object.entries(env))) {
    if (result.has(name) && result.get(name) !== value) throw new Error(`rows that share a system set ${name} differently`);
    result.set(name, value);
  }
  return Object.fromEntries(result);
}
