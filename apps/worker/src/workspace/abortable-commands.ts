import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppServerClient } from '@codex-mcp/codex';
import type { CommandRunner } from './shadow-repository.js';

/** Codex may not have begun a command yet that it is to kill. */
const RETRY_MS = 200;

/** Commands that are killed when `signal` aborts; none is begun after that. `exec` settles when its command is over. */
export function abortableCommands(codex: Pick<AppServerClient, 'exec' | 'terminate' | 'writeFile'>, signal: AbortSignal): CommandRunner {
  return {
    async exec(command, options) {
      signal.throwIfAborted();
      const processId = randomUUID();
      const over = new AbortController();
      const kill = async () => {
        while (!over.signal.aborted && !(await codex.terminate(processId).then(() => true, () => false))) await delay(RETRY_MS);
      };
      const onAbort = () => void kill();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await codex.exec(command, { ...options, processId });
      } finally {
        over.abort();
        signal.removeEventListener('abort', onAbort);
      }
    },
    writeFile: (path, content) => codex.writeFile(path, content),
  };
}
