import type { Logger } from './logger.js';

/** Exit code of a process that its configuration keeps from starting (sysexits' EX_CONFIG). */
const EX_CONFIG = 78;

const CLOSE_GRACE_MS = 2000;

const isForUser = (error: unknown): error is Error => error instanceof Error && (error.name === 'ConfigError' || error.name === 'AppError');

/**
 * Runs a process's main function; an error made for the user is printed without its stack.
 * A process that was started with a channel to a launcher ends when the launcher is gone.
 */
export function runMain(main: () => Promise<void>): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // Node's own report would show what the error carries, such as the arguments of a Redis command.
  process.once('uncaughtException', fail);
  main().catch(fail);
}

/**
 * Ends the process with code 1 once it is `broken`, for whoever started it to start it again: in order where that takes
 * at most `timeoutMs` and a little, at once otherwise.
 */
export function endBroken(broken: Promise<string>, close: () => Promise<void>, timeoutMs: number, logger: Logger): void {
  void broken.then(async (problem) => {
    logger.fatal({ op: 'process.broken', reason: problem }, 'process.broken');
    setTimeout(() => process.exit(1), timeoutMs + CLOSE_GRACE_MS);
    await close().catch((error: unknown) => logger.error({ op: 'process.broken', err: error }, 'process.broken'));
    process.exit(1);
  });
}

/** On SIGTERM and SIGINT, ends the process once `close` has: with code 0, or 1 where it fails or takes longer than `timeoutMs`, as it may with what it waits for gone. */
export function endOnSignals(close: () => Promise<void>, timeoutMs: number, logger: Logger): void {
  let isEnding = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => giveUp(`not closed within ${timeoutMs / 1000} s`), timeoutMs).unref();
    close().then(() => process.exit(0), giveUp);
    function giveUp(err: unknown): never {
      logger.fatal({ op: 'process.stop', signal, err }, 'process.stop');
      process.exit(1);
    }
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

function fail(error: unknown): never {
  process.stderr.write(`${isForUser(error) ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(isForUser(error) ? EX_CONFIG : 1);
}
