import { REVISIONS, runSuite } from './suite.js';
import { startConformanceSystem } from './system.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** `npm run conformance`: the official suite for both eras, over the real queue, with three edges. */
const system = await startConformanceSystem();
try {
  for (const revision of REVISIONS) {
    const { passed, total, failures, output, runs } = await runSuite(system.url, revision);
    if (process.argv.includes('--verbose')) process.stdout.write(output);
    for (const failure of failures) say(`  ${failure}`);
    say(`${revision}: ${passed}/${total}${runs > 1 ? `, in run ${runs}` : ''}`);
    if (passed < total || total === 0) process.exitCode = 1;
  }
  say(`requests to each edge: ${system.counts.join(', ')}`);
} finally {
  await system.stop();
}
