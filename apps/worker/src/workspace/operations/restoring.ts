import { type Changes, toPathspecs } from '../agent-workspace.js';
import { checkpointTree, turnTrees } from './comparing.js';
import type { Operation, OperationContext } from './operation.js';

const UNCHANGED: Changes = { diff: '', files: [], truncated: false };

export const checkpoint: Operation<'checkpoint'> = async ({ request, session: { workspace } }, { name }) => {
  await workspace.saveCheckpoint(name, await workspace.take(), request.turnId);
  const checkpoints = await workspace.checkpoints();
  return { name, checkpoints: checkpoints.map((kept) => ({ name: kept.name, at: kept.at.toISOString() })) };
};

export const restore: Operation<'restore'> = async (context, args) => goBack(context, await checkpointTree(context, args.name), args.paths, 'before-restore');

export const discard: Operation<'discard'> = async (context, { turn_id: turnId, paths }) => {
  const before = turnId === undefined ? await context.session.workspace.base() : (await turnTrees(context, turnId))?.from;
  return before === undefined ? UNCHANGED : goBack(context, before, paths, 'before-discard');
};

/** The state that is left stays as a checkpoint, so that nobody loses work to a slip. */
async function goBack({ request, session }: OperationContext, tree: string, paths: string[] | undefined, checkpointName: string): Promise<Changes> {
  const { workspace } = session;
  const now = await workspace.take();
  const kept = await workspace.checkpointOf(checkpointName, request.turnId);
  if (kept === undefined) await workspace.saveCheckpoint(checkpointName, now, request.turnId);
  await workspace.restore({ from: now, to: tree }, toPathspecs(paths));
  session.workspaceChanged();
  return workspace.changes({ from: kept ?? now, to: await workspace.take() });
}
