import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { locateCodex } from '@codex-mcp/codex';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { ANSWER } from '../bench.model.js';
import { createCodexHome, type CodexHome } from './codex-home.js';

/** `codex exec --json`, one process for each prompt, as a server without app-server would do it. */
export class CodexExec {
  private constructor(
    private readonly directory: TemporaryDirectory,
    private readonly home: CodexHome,
  ) {}

  static async create(baseUrl: string): Promise<CodexExec> {
    const directory = await temporaryDirectory('cmb-');
    return new CodexExec(directory, await createCodexHome(directory.path, baseUrl));
  }

  /** Milliseconds from the start of the process to its end. */
  async turn(prompt: string): Promise<number> {
    const { workspace, env } = this.home;
    const startedAt = performance.now();
    const args = ['exec', '--json', '--skip-git-repo-check', '-c', 'sandbox_mode="danger-full-access"', prompt];
    const child = spawn(locateCodex().codex, args, { cwd: workspace, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, problem, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    const totalMs = performance.now() - startedAt;
    if (code !== 0 || !output.includes(ANSWER)) throw new Error(`codex exec ended with code ${String(code)}: ${problem}${output}`);
    return totalMs;
  }

  stop(): Promise<void> {
    return this.directory.remove();
  }
}
