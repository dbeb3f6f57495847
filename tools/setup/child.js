// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of this repository; every child runs there. */
export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** A problem that its message explains to the user: shown without a stack. */
export class SetupError extends Error {}

/**
 * @typedef {object} RunOptions
 * @property {Record<string, string | undefined>} [env] added to this process's
 * @property {(line: string) => void} [onLine] receives the output line by line in place of the terminal
 * @property {number} [timeoutMs] after which the child is killed
 */

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<number>} the exit code, 128 + the signal's number after a signal, 127 if the command does not exist
 */
export async function run(command, args, { env = {}, onLine, timeoutMs } = {}) {
  const child = spawn(command, args, { cwd: repository, env: { ...process.env, ...env }, stdio: ['inherit', onLine ? 'pipe' : 'inherit', onLine ? 'pipe' : 'inherit'], timeout: timeoutMs, killSignal: 'SIGKILL' });
  const readers = [child.stdout, child.stderr].map(async (stream) => stream && onLine && readLines(stream, onLine));
  const code = await exitCode(child);
  await Promise.all(readers);
  return code;
}

/** How close two signals have to be to come from one Ctrl-C: a terminal signals npm and this process, and npm passes it on. */
const sameKeystrokeMs = 500;

/**
 * Runs a command in place of this process: terminal, signals and exit code are its own.
 * @param {string} command
 * @param {string[]} args
 */
export async function become(command, args) {
  // In a process group of its own the child gets no signal from the terminal, so that each one arrives once, from here.
  const child = spawn(command, args, { cwd: repository, stdio: 'inherit', detached: true });
  let lastSignalAt = -Infinity;
  const pass = (/** @type {NodeJS.Signals} */ signal) => {
    const now = performance.now();
    if (now - lastSignalAt > sameKeystrokeMs) child.kill(signal);
    lastSignalAt = now;
  };
  process.on('SIGINT', pass);
  process.on('SIGTERM', pass);
  // A terminal that closes ends the child in order, and does not cut short an end that is under way.
  process.on('SIGHUP', () => lastSignalAt === -Infinity && pass('SIGTERM'));
  process.exit(await exitCode(child));
}

/**
 * The path of a program, as a shell would find it.
 * @param {string} name
 * @returns {string | undefined}
 */
export function onPath(name) {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** A program that npm installed. @param {string} name */
export const installed = (name) => join(repository, 'node_modules', '.bin', name);

/** Runs a program's main function; a SetupError ends it with its message alone. @param {() => Promise<unknown>} main */
export async function program(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/** @param {import('node:child_process').ChildProcess} child @returns {Promise<number>} */
async function exitCode(child) {
  try {
    const [code, signal] = await once(child, 'exit');
    return code ?? 128 + osConstants.signals[/** @type {NodeJS.Signals} */ (signal)];
  } catch {
    return 127;
  }
}

/** @param {NodeJS.ReadableStream} stream @param {(line: string) => void} onLine */
async function readLines(stream, onLine) {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
  if (rest !== '') onLine(rest);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
