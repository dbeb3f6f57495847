/** Exit code of a process that its configuration keeps from starting (sysexits' EX_CONFIG). */
const EX_CONFIG = 78;

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

function fail(error: unknown): never {
  process.stderr.write(`${isForUser(error) ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(isForUser(error) ? EX_CONFIG : 1);
}
