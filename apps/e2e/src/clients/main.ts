import { parseArgs } from 'node:util';
import { dockerAvailable, temporaryDirectory } from '@codex-mcp/testing';
import { z } from 'zod';
import { CleanUp } from '../stack/clean-up.js';
import { startStack } from '../stack/stack.fixture.js';
import { Installation } from './installation.js';
import { checkSubject, type Result } from './matrix.js';
import { CHECKS, type Subject } from './subject.js';
import { ALL_SUBJECTS } from './subjects/all-subjects.js';

const USAGE = `Usage: npm run clients -- [options]

  --only TEXT     clients whose name contains it; may be repeated
  --check NAME    ${CHECKS.join(', ')}; may be repeated
  --parallel N    so many clients at the same time; 3 by default

Installs the clients that are not among this repository's packages below ~/.cache, 600 MB.`;

const Options = z.object({
  only: z.array(z.string()).default(['']),
  check: z.array(z.enum(CHECKS)).default([...CHECKS]),
  parallel: z.coerce.number().int().min(1).default(3),
  help: z.boolean().default(false),
});
type Options = z.output<typeof Options>;

const readOptions = (args: string[]): Options =>
  Options.parse(parseArgs({ args, options: { only: { type: 'string', multiple: true }, check: { type: 'string', multiple: true }, parallel: { type: 'string' }, help: { type: 'boolean' } } }).values);

/** True when nothing failed. */
async function run({ only, check: checks, parallel }: Options): Promise<boolean> {
  const cleanUp = new CleanUp();
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => reject(new TypeError(signal)));
  });
  try {
    const subjects = ALL_SUBJECTS.filter(({ name }) => only.some((part) => name.toLowerCase().includes(part.toLowerCase())));
    if (subjects.length === 0) throw new TypeError(`No client is called so; there are ${ALL_SUBJECTS.map(({ name }) => name).join(', ')}.`);
    const results = await Promise.race([runAll(subjects, checks, parallel, cleanUp), interruption]);
    const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length;
    console.log(`${count('pass')} passed, ${count('fail')} failed, ${count('not offered')} not offered by the client`);
    return count('fail') === 0;
  } finally {
    await cleanUp.run();
  }
}

async function runAll(subjects: readonly Subject[], checks: Options['check'], parallel: number, cleanUp: CleanUp): Promise<Result[]> {
  const installation = await Installation.ready();
  const directory = cleanUp.add(await temporaryDirectory('clients-'), (made) => made.remove());
  const stack = cleanUp.add(await startStack({ runtime: dockerAvailable() ? 'docker' : 'process', env: { MAX_CONCURRENT_SESSIONS: '60' } }), (running) => running.stop());
  const options = { url: stack.url, directory: directory.path, checks, installed: () => installation, tell: (result: Result) => console.log(lineOf(result)) };
  const waiting = subjects.values();
  const results: Result[] = [];
  const lane = async () => {
    for (const subject of waiting) results.push(...(await checkSubject(subject, options)));
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return results;
}

const lineOf = ({ subject, check, outcome, detail }: Result): string => `${outcome.padEnd(12)} ${subject.padEnd(22)} ${check.padEnd(14)} ${detail}`.trimEnd();

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else if (!(await run(options))) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof z.ZodError ? z.prettifyError(error) : error instanceof TypeError ? error.message : error);
  process.exitCode = 1;
}
