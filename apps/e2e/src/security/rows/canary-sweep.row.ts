import { createRedis } from '@codex-mcp/messaging';
import { CanaryStack } from '../canaries/canary-stack.js';
import { searchDocker, searchFiles, searchReceivers, searchRedis, watchRedis } from '../canaries/places.js';
import { ProcessWatch } from '../canaries/process-watch.js';
import { Search } from '../canaries/search.js';
import { CanaryWork } from '../canaries/work.js';
import type { OwnRow, RowContext, RowOutcome } from './row.js';

const AGENTS = 6;

/** Secrets of every kind are planted, used and repeated by those who refuse them; then they are searched for everywhere. */
export const canarySweepRow: OwnRow = {
  number: 13,
  title: 'canary sweep',
  unavailable: () => (process.platform === 'linux' ? undefined : 'it reads /proc'),
  // A credential that the model's service repeats is passed on to the agent.
  mutation: { file: 'apps/gateway/dist/proxy/veiled-answer.js', find: 'this.refuses = status >= 400;', replace: '' },
  alsoMutants: [
    { file: 'apps/supervisor/dist/runtime/docker/container-spec.js', find: "Env: parts.spec.workspace.kind === 'volume' ? [] :", replace: "Env: parts.spec.workspace.kind === 'volume' ? [`REDIS_URL=${process.env.REDIS_URL}`] :" },
    { file: 'apps/cli/dist/start/stack.js', find: '(HOLDERS[key] ?? name) === name', replace: 'true' },
    { file: 'apps/worker/dist/worker.module.js', find: "queue.on('error', () => undefined)", replace: 'queue' },
    { file: 'apps/gateway/dist/refresh/refresh.process.js', find: 'env: refreshEnvironment(), ', replace: '' },
  ],
  async run({ root, scaled, cleanUp }: RowContext): Promise<RowOutcome> {
    const since = Math.floor(Date.now() / 1000);
    const made = await CanaryStack.prepare(root, cleanUp);
    const search = new Search(made.canaries.all);
    const watch = cleanUp.add(new ProcessWatch(search), (one) => one.stop());
    await made.stack.start();
    const { url } = made.stack.redisFixture;
    const further = await made.furtherSecrets();
    for (const secret of further) search.add(secret);
    const monitor = cleanUp.add(await watchRedis(url, search), (one) => one.destroy());
    await new CanaryWork(made, search).run(Array.from({ length: scaled(AGENTS) }, (_, index) => `agent-${index + 1}`));
    monitor.destroy();
    const redis = cleanUp.add(createRedis(url), (one) => one.disconnect());
    await made.refuseServices(redis);
    await searchRedis(redis, search);
    await searchDocker(made, search, since);
    watch.stop();
    searchReceivers(made, search);
    await searchFiles(made, search);
    search.look('the output of npm start', made.stack.output);
    return {
      tried: `${made.canaries.all.length} secrets planted, ${further.length} made`,
      measured: `${search.places.size} places and ${(search.bytes / 1e6).toFixed(1)} MB searched, ${search.hits.length} hits`,
      failures: search.hits,
    };
  },
};
