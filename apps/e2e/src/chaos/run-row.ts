import { copyBuiltTree } from '../scorecard/mutants/built-tree.js';
import { Random } from '../scorecard/random.js';
import type { RunOptions } from '../scorecard/scorecard.js';
import { ServiceSystem } from '../scorecard/system/service-system.js';
import type { CleanUp } from '../stack/clean-up.js';
import { repositoryRoot } from '../stack/launched.process.js';
import type { Row, RowOutcome } from './rows/row.js';
import { PrivateEngine } from './system/private-engine.js';

/** The default of AGENT_IMAGE. */
const AGENT_IMAGE = 'codex-mcp-agent:latest';

/** Runs one row on a system of its own, with a piece of its code changed if asked. What it starts is added to `cleanUp`, and ended here when all goes well. */
export async function runRow(row: Row, { seed, scale, mutation }: RunOptions, cleanUp: CleanUp): Promise<RowOutcome> {
  const tree = cleanUp.add(await copyBuiltTree(repositoryRoot, mutation && [mutation]), (one) => one.remove());
  const { workers, edges = 0, redisBehindDoor = false } = row;
  const engine = row.ownEngine ? cleanUp.add(await PrivateEngine.start(AGENT_IMAGE), (one) => one.stop()) : undefined;
  const env = { ...row.env, ...(engine && { DOCKER_HOST: engine.host }) };
  const system = cleanUp.add(await ServiceSystem.start({ root: tree.path, workers, edges, env, redisBehindDoor }), (one) => one.stop());
  try {
    return await row.run({ system, engine, random: new Random(seed + row.number), scaled: (load) => Math.max(1, Math.round(load * scale)) });
  } finally {
    await system.stop();
    await engine?.stop();
    await tree.remove();
  }
}
