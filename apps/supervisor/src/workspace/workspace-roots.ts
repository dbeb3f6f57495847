import { realpath, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { isPathWithin } from '@codex-mcp/config';
import { AppError, type Workspace, type WorkspaceChoice, type WorkspaceMode } from '@codex-mcp/contracts';
import { hostPathOf } from '../runtime/agent-runtime.port.js';

/** Which host directories calls may name. Links are resolved before the comparison, which is by path components. */
export class WorkspaceRoots {
  constructor(private readonly roots: string[]) {}

  /** The workspace with its real path; throws `workspace_not_allowed` with what to change. */
  async resolve(workspace: Workspace): Promise<Workspace> {
    if (workspace.kind === 'volume') return workspace;
    if (this.roots.length === 0) throw new AppError('workspace_not_allowed', 'No host directory may be a workspace here. Start codex-mcp with WORKSPACE_ROOTS set to the directories that agents may work in, or leave `workspace` out.');
    if (!isAbsolute(workspace.path)) throw new AppError('workspace_not_allowed', `\`workspace\` must be an absolute path; "${workspace.path}" is not.`);
    const path = await this.realDirectory(workspace.path);
    for (const root of this.roots) if (isPathWithin(await realpath(root).catch(() => root), path)) return { kind: workspace.kind, path };
    throw this.refusal(workspace.path);
  }

  /** The workspace that a call chooses, or without a choice the one that the agent has. */
  async choose(choice: WorkspaceChoice | undefined, present: Workspace | undefined): Promise<Workspace> {
    if (!choice) return this.resolve(present ?? { kind: 'volume' });
    if ('own' in choice) return { kind: 'volume' };
    if ('path' in choice) return this.open(choice.path, choice.mode, present);
    for (const hint of choice.hints) {
      const hinted = await this.open(hint, undefined, present).catch(() => undefined);
      if (hinted) return hinted;
    }
    return this.resolve(present ?? { kind: 'volume' });
  }

  private async open(path: string, mode: WorkspaceMode | undefined, present: Workspace | undefined): Promise<Workspace> {
    const directory = await this.resolve({ kind: 'host', path });
    const isKept = present !== undefined && hostPathOf(present) === hostPathOf(directory);
    const kind = mode === undefined && isKept && present.kind === 'host' ? 'host' : mode === 'direct' ? 'host' : 'isolated';
    return { ...directory, kind } as Workspace;
  }

  private async realDirectory(path: string): Promise<string> {
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined && (await stat(real)).isDirectory()) return real;
    throw this.refusal(path);
  }

  /** The same words for a path that is missing and one that is elsewhere, so that nobody can probe the host's files. */
  private refusal(path: string): AppError {
    return new AppError('workspace_not_allowed', `"${path}" is not a directory under WORKSPACE_ROOTS (${this.roots.join(', ')}).`);
  }
}
