import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { renderAgentConfig } from '@codex-mcp/codex';
import { MODEL } from '../bench.model.js';

export type CodexHome = { readonly home: string; readonly workspace: string; readonly env: Record<string, string> };

const git = promisify(execFile);

/** Directories for a Codex of this machine, with the configuration that agents get, and the model as its provider. */
export async function createCodexHome(directory: string, baseUrl: string): Promise<CodexHome> {
  const [home, workspace] = [join(directory, 'home'), join(directory, 'workspace')];
  await Promise.all([home, workspace].map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
  await writeFile(join(home, 'config.toml'), renderAgentConfig({ model: MODEL, baseUrl, untrusted: [workspace] }));
  // As an agent's workspace is one: Codex asks git about it in each turn, which takes time.
  const author = ['-c', 'user.name=Bench', '-c', 'user.email=bench@codex-mcp.invalid'];
  for (const args of [['init', '--quiet'], [...author, 'commit', '--quiet', '--allow-empty', '--message', 'Empty workspace']]) await git('git', args, { cwd: workspace });
  return { home, workspace, env: { PATH: process.env['PATH'] ?? '', HOME: home, CODEX_HOME: home, LANG: 'C.UTF-8' } };
}
