import { type ChildProcess, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { locateCodex } from '@codex-mcp/codex';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { createCodexHome } from './codex-home.js';
import { CodexThread, type TurnTimes } from './codex-thread.js';

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 5;

/** Ended with this process, however it ends. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** An app-server of this machine on its unix socket, straight at the model: what the whole system is measured against. */
export class RawCodex {
  private constructor(
    private readonly directory: TemporaryDirectory,
    private readonly child: ChildProcess,
    private readonly thread: CodexThread,
  ) {}

  static async start(baseUrl: string): Promise<RawCodex> {
    const directory = await temporaryDirectory('cmb-');
    const { workspace, env } = await createCodexHome(directory.path, baseUrl);
    const socketPath = join(directory.path, 's');
    const child = spawn(locateCodex().codex, ['app-server', '--strict-config', '--listen', `unix://${socketPath}`], { cwd: workspace, env, stdio: 'ignore' });
    running.add(child);
    child.once('exit', () => running.delete(child));
    try {
      await eventually(() => access(socketPath), { timeoutMs: START_TIMEOUT_MS, intervalMs: POLL_MS });
      const thread = await eventually(() => CodexThread.open(socketPath, workspace), { timeoutMs: START_TIMEOUT_MS, intervalMs: POLL_MS });
      return new RawCodex(directory, child, thread);
    } catch (error) {
      child.kill('SIGKILL');
      await directory.remove();
      throw error;
    }
  }

  turn(text: string): Promise<TurnTimes> {
    return this.thread.turn(text);
  }

  async stop(): Promise<void> {
    this.thread.close();
    this.child.kill('SIGKILL');
    await this.directory.remove();
  }
}
