// @ts-check
// What a fresh clone lacks, made once. Runs before anything is installed: Node's own modules only.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleServices } from './bundle.js';
import { installed, program, repository, run, SetupError } from './child.js';
import { engineAnswers } from './docker.js';
import { ensureRedis } from './redis.js';

/** Runs every step; each is silent when there is nothing to do. @throws {SetupError} */
export async function prepare() {
  checkNode();
  await ensureDependencies();
  await ensureRedis();
  await ensureBuild();
  await ensureAgentImage();
}

/** What a command needs that starts no services: packages and the build. @throws {SetupError} */
export async function prepareCommand() {
  checkNode();
  await ensureDependencies();
  await ensureBuild();
}

/** @throws {SetupError} when this Node is older than package.json's `engines` asks for */
export function checkNode(version = process.versions.node) {
  const wanted = readJson('package.json').engines.node.replace('>=', '');
  const [have, want] = [version, wanted].map((text) => text.split('.').map(Number));
  const isOlder = have[0] < want[0] || (have[0] === want[0] && have[1] < (want[1] ?? 0));
  if (isOlder) throw new SetupError(`Node ${version} is too old: install Node ${wanted} or later (https://nodejs.org).`);
}

/** Installs exactly what package-lock.json says, unless that is what node_modules holds. */
export async function ensureDependencies() {
  const reason = staleDependencies(readJson('package-lock.json'), readJson('node_modules/.package-lock.json'));
  if (!reason) return;
  console.log(`dependencies: npm ci, ${reason}`);
  // The build needs devDependencies, which npm leaves out where NODE_ENV=production.
  const code = await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']);
  if (code !== 0) throw new SetupError(`npm ci failed with exit code ${code}.`);
}

/** @typedef {{ packages: Record<string, { version?: string, integrity?: string, optional?: boolean, devOptional?: boolean }> }} Lock */

/**
 * Why node_modules does not hold what the lockfile says.
 * @param {Lock} lock package-lock.json
 * @param {Lock | undefined} tree what npm recorded about node_modules when it last finished
 * @returns {string | undefined}
 */
export function staleDependencies(lock, tree) {
  if (!tree) return 'node_modules is missing or incomplete';
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/')) continue;
    const found = tree.packages[path];
    if (!found && (wanted.optional || wanted.devOptional)) continue; // packages of other platforms
    if (!found) return `${path} is missing`;
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) return `${path} is not what package-lock.json says`;
  }
  const extra = Object.keys(tree.packages).find((path) => path.startsWith('node_modules/') && !lock.packages[path]);
  return extra && `${extra} is no longer in package-lock.json`;
}

/** Compiles what changed: `tsc -b` knows that without a cache beside it, and faster than Nx does. */
export async function ensureBuild() {
  let announced = false;
  const code = await run(installed('tsc'), ['-b', '--verbose', '--pretty', 'false'], {
    onLine: (line) => {
      if (!isProgress(line)) return console.error(line);
      if (announced || !line.includes('Building project')) return;
      announced = true;
      console.log('build: compiling what is new or changed');
    },
  });
  if (code !== 0) throw new SetupError('The build failed, see above.');
  await bundleServices();
}

const isProgress = (/** @type {string} */ line) => line.trim() === '' || /^\d\d:\d\d:\d\d [AP]M - |^ {4}\* /.test(line);

/** Images that are not built before somebody asks for them. */
const onDemand = ['node', 'python'];

/** Builds the image of the agents' containers, and those that AGENT_IMAGES names, where a Docker engine answers and the runtime may be Docker. */
export async function ensureAgentImage() {
  if (process.env['AGENT_RUNTIME']?.toLowerCase() === 'process' || !(await engineAnswers())) return;
  const code = await run(process.execPath, ['tools/images/build.js', 'agent', ...askedFor(process.env['AGENT_IMAGES'])], { onLine: (line) => line.endsWith('is up to date') || console.log(line) });
  if (code !== 0) throw new SetupError('The agent image could not be built. AGENT_RUNTIME=process does without Docker.');
}

/** The images of ours that somebody has asked for by name. @param {string | undefined} names AGENT_IMAGES @returns {string[]} */
export function askedFor(names = '') {
  const asked = new Set(names.split(',').map((name) => name.trim()));
  return onDemand.filter((name) => asked.has(name));
}

/** @param {string} file @returns {any} undefined where there is no such file */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(join(repository, file), 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await program(prepare);
