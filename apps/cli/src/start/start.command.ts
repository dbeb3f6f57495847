import { mkdir } from 'node:fs/promises';
import { banner } from './banner.js';
import { claimDataDirectory } from './running-processes.js';
import { Stack } from './stack.js';
import { dataPaths, loadStartConfig } from './start.config.js';
import { terminalLine } from './terminal.js';

const out = (text: string): void => void process.stdout.write(`${text}\n`);

/** Serves until SIGINT or SIGTERM. Resolves with the exit code. */
export async function start(env: Record<string, string | undefined>): Promise<number> {
  const config = loadStartConfig(env);
  await mkdir(config.DATA_DIR, { recursive: true, mode: 0o700 });
  const release = await claimDataDirectory(dataPaths(config.DATA_DIR).lock, config.DATA_DIR);
  const stopped = stopSignal();
  const stack = new Stack(config, env, (service, line) => {
    const text = terminalLine(service, line, config.VERBOSE);
    if (text !== undefined) out(text);
  });
  out('Starting Redis and the four services …');
  try {
    const outcome = await Promise.race([stack.start(), stopped]);
    if (Array.isArray(outcome)) {
      out(banner(config, outcome));
      await stopped;
    }
    out('Stopping …');
    await stack.stop();
    out('Stopped.');
    return 0;
  } catch (error) {
    if (!(error instanceof Error) || error.message === '') return 78; // the service itself has said why
    throw error;
  } finally {
    await release();
  }
}

/** The first signal ends the server in order; a second one is left to end the launcher at once. */
function stopSignal(): Promise<'stopped'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve('stopped'));
  });
}
