import { AppError, workspaceModeOf } from '@codex-mcp/contracts';
import { toPathspecs } from '../agent-workspace.js';
import { fileWrites } from '../file-contents.js';
import type { IsolatedCopy } from '../isolated-copy.js';
import { cloneInto } from './cloning.js';
import type { Operation, OperationContext } from './operation.js';

/** How often an edit of the directory in the very moment of the writing is taken into account. */
const ATTEMPTS = 5;

export const apply: Operation<'apply'> = async (context, { paths, dry_run: dryRun = false }) => {
  const { request, session } = context;
  const copy = copyOf(context);
  const earlier = await session.workspace.turn(request.turnId);
  let edited: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const trees = await copy.applied(toPathspecs(paths));
    const changes = await session.workspace.changes(trees);
    // An earlier attempt of this call wrote them and was cut off before it could say so.
    if (earlier && trees.from === trees.to) return { ...(await session.workspace.changes(earlier)), applied: true };
    if (dryRun || trees.from === trees.to) return { ...changes, applied: false };
    await session.workspace.recordTurn({ turnId: request.turnId }, trees);
    const files = await fileWrites(session.workspace.repository, trees);
    edited = (await session.writeToHost(files)).changed;
    if (edited.length > 0) continue;
    session.workspaceChanged();
    await session.refreshCopy().catch(() => undefined); // the next call does it
    return { ...changes, applied: true };
  }
  throw new AppError('apply_conflict', `Nothing was applied: ${edited.join(', ')} changed again and again while it was written. Call again when nobody edits it.`);
};

export const openWorkspace: Operation<'open_workspace'> = async (context, { url, ...wanted }) => {
  const { session } = context;
  const { workspace } = session.placement;
  if (url !== undefined) return { mode: 'volume', changed_files: 0, repository: await cloneInto(context, { url, ...wanted }) };
  return { mode: workspaceModeOf(workspace), ...(workspace.kind !== 'volume' && { path: workspace.path }), changed_files: await changedFiles(session) };
};

async function changedFiles({ workspace }: OperationContext['session']): Promise<number> {
  const [from, to] = [await workspace.base(), await workspace.take()];
  return workspace.countChanges({ from, to });
}

function copyOf({ session }: OperationContext): IsolatedCopy {
  if (session.copy) return session.copy;
  const own = session.placement.workspace.kind === 'host' ? 'works in the directory itself, so its changes are there already' : 'has a workspace of its own, which is no copy of a directory';
  throw new AppError('invalid_arguments', `There is nothing to apply: the agent ${own}. Export its changes with get_diff, or call open_workspace with a directory.`);
}
