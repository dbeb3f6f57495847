// @ts-check
import { createInterface } from 'node:readline/promises';
import { onPath, run, SetupError } from './child.js';

/**
 * Package managers, first match wins. `quieten` undoes what a package starts by itself: the product starts its own Redis.
 * @type {{ command: string, install: string[][], quieten?: string[][], withoutRoot?: boolean }[]}
 */
const managers = [
  {
    command: 'apt-get',
    install: [['apt-get', 'update', '-qq'], ['apt-get', 'install', '-qq', '-y', '--no-install-recommends', 'redis-server']],
    quieten: [['update-rc.d', 'redis-server', 'disable'], ['service', 'redis-server', 'stop']],
  },
  { command: 'dnf', install: [['dnf', 'install', '-q', '-y', 'redis']] },
  { command: 'apk', install: [['apk', 'add', '-q', 'redis']] },
  { command: 'brew', install: [['brew', 'install', '-q', 'redis']], withoutRoot: true },
];

const alternatives = 'Install Redis 7 or later so that redis-server is on PATH, or set REDIS_URL to a Redis that runs.';

/**
 * Makes sure of a Redis: REDIS_URL, else redis-server on PATH, else the platform's package, which is asked for on a terminal.
 * @throws {SetupError} that names the alternatives
 */
export async function ensureRedis() {
  if (process.env['REDIS_URL'] || onPath('redis-server')) return;
  const manager = managers.find(({ command }) => onPath(command));
  if (!manager) throw new SetupError(`redis-server is missing, and so is a package manager that could install it. ${alternatives}`);

  const prefix = manager.withoutRoot || process.getuid?.() === 0 ? [] : ['sudo'];
  await permission(manager.command, prefix);
  console.log(`redis: installing redis-server with ${manager.command}, it is not on PATH and REDIS_URL is not set`);
  for (const step of manager.install) await must([...prefix, ...step]);
  for (const step of manager.quieten ?? []) await attempt([...prefix, ...step]);
  if (!onPath('redis-server')) throw new SetupError(`${manager.command} installed Redis, but redis-server is not on PATH. ${alternatives}`);
}

/** @param {string} manager @param {string[]} prefix */
async function permission(manager, prefix) {
  const hasTerminal = process.stdin.isTTY && process.stdout.isTTY && !process.env['CI'];
  if (!hasTerminal && prefix.length === 0) return;
  if (!hasTerminal || (prefix[0] && !onPath(prefix[0]))) throw new SetupError(`redis-server is missing, and installing it with ${manager} takes root. ${alternatives}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`redis-server is missing. Install it with ${[...prefix, manager].join(' ')}? [Y/n] `).finally(() => terminal.close());
  if (!/^(?:y|yes)?$/i.test(answer.trim())) throw new SetupError(alternatives);
}

/** Runs a command; its output matters only when it fails. @param {string[]} command */
async function attempt([program = '', ...args]) {
  /** @type {string[]} */
  const output = [];
  const code = await run(program, args, { env: { DEBIAN_FRONTEND: 'noninteractive' }, onLine: (line) => output.push(line) });
  return { code, output };
}

/** @param {string[]} command */
async function must(command) {
  const { code, output } = await attempt(command);
  if (code !== 0) throw new SetupError(`${[...output, `${command.join(' ')} failed with exit code ${code}.`].join('\n')} ${alternatives}`);
}
