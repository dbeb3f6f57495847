import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { refreshEnvironment } from './refresh.config.js';
import { RefreshOutcome, type RefreshRequest } from './refresh.contract.js';

/** The built program also where this file runs from its source, as in tests. */
const PROGRAM = fileURLToPath(new URL('../../dist/refresh/main.js', import.meta.url));

/** Refreshes in a process that outlives this one, also where its whole process group is killed. Never rejects. */
export async function refreshInProcess(request: RefreshRequest): Promise<RefreshOutcome> {
  try {
    const child = spawn(process.execPath, [PROGRAM], { env: refreshEnvironment(), detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined).end(JSON.stringify(request));
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    return RefreshOutcome.parse(JSON.parse(output));
  } catch (error) {
    return { outcome: 'failed', reason: `the refresh did not run (${(error as NodeJS.ErrnoException).code ?? 'no result'})` };
  }
}
