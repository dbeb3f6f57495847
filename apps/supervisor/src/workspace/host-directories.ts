import { type AgentRecord, AppError, TreeWrite, type TreeWriteResult } from '@codex-mcp/contracts';
import { type Logger, operation } from '@codex-mcp/observability';
import { KeyedMutex } from '../agents/keyed-mutex.js';
import type { ApplyJournal } from './apply-journal.js';
import { TreeWriter } from './tree-writer.js';
import type { WorkspaceRoots } from './workspace-roots.js';

const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

/** Writes changes of agents into the host directories that they work on copies of. */
export class HostDirectories {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly roots: WorkspaceRoots,
    private readonly logger: Logger,
    private readonly journal: ApplyJournal,
  ) {}

  /** Takes back what a crash has left half written. A directory where that fails is tried again with its next write. */
  async recover(): Promise<void> {
    for (const { root } of await this.journal.all()) {
      await operation(this.logger, 'workspace.recover', { path: root }, () => this.mutex.run(root, () => new TreeWriter(root, this.journal).recover())).catch(() => undefined);
    }
  }

  /** All of the changes or, where a file is not what they expect, none. Throws `workspace_not_allowed`, also where the directory cannot be written. */
  async write(agent: AgentRecord, body: unknown): Promise<TreeWriteResult> {
    const { files } = TreeWrite.parse(body);
    if (agent.workspace.kind !== 'isolated') throw new AppError('invalid_arguments', 'Only an agent that works on a copy of a directory has changes to apply to it.');
    const workspace = await this.roots.resolve(agent.workspace);
    const path = workspace.kind === 'isolated' ? workspace.path : '';
    return operation(this.logger, 'workspace.apply', { agent: agent.agentId, tenant: agent.tenant, path, files: files.length }, async (add) => {
      const result = await this.mutex.run(path, () => new TreeWriter(path, this.journal).write(files)).catch(asRefusal(path));
      add({ changed: result.changed.length });
      return result;
    });
  }
}

const asRefusal = (path: string) => (error: NodeJS.ErrnoException): never => {
  if (!NOT_WRITABLE.has(error.code ?? '')) throw error;
  throw new AppError('workspace_not_allowed', `The server cannot write to ${path} (${error.code}); nothing of it was changed.`, { cause: error });
};
