import { AppError, type TurnRecord } from '@codex-mcp/contracts';
import { findTool } from '@codex-mcp/tools';
import { type Changes, toPathspecs, type Trees } from '../agent-workspace.js';
import type { Look, LookContext } from './operation.js';

type Asked = { turn_id?: string | undefined; thread_id?: string | undefined; since?: string | undefined };
type Comparison = { compared: string; trees: Trees };

const NOTHING: Trees = { from: '', to: '' };

export const getDiff: Look<'get_diff'> = async (context, args) => {
  if (args.turn_id === undefined && args.thread_id === undefined) return { compared: namesOf(args.since), ...(await changesNow(context, args)) };
  const running = args.turn_id === undefined ? undefined : await atWork(context, args.turn_id);
  if (running && args.thread_id === undefined && args.since === undefined) {
    const changes = await changesSoFar(context, running, args);
    if (changes) return { compared: `Turn ${args.turn_id} so far`, ...changes };
  }
  const { compared, trees } = await comparison(context, args, 'get_diff');
  const changes: Changes = await context.session.workspace.changes(trees, toPathspecs(args.paths), args.max_bytes);
  return { compared, ...changes };
};

/** Undefined once they are measured: a turn goes on after that, with its tests. */
async function changesSoFar({ session: { workspace } }: LookContext, { request: { turnId } }: TurnRecord, { paths, max_bytes }: { paths?: string[] | undefined; max_bytes?: number | undefined }): Promise<Changes | undefined> {
  if (await workspace.turn(turnId)) return undefined;
  const changes = await workspace.changesSinceLast(toPathspecs(paths), max_bytes);
  return (await workspace.turn(turnId)) ? undefined : changes; // may have been measured meanwhile
}

/** A turn of the agent's that is at work and may write. */
async function atWork({ request, turns }: LookContext, turnId: string): Promise<TurnRecord | undefined> {
  const turn = await turns.load(turnId);
  const tool = turn && findTool(turn.request.tool);
  if (turn?.status !== 'running' || turn.request.agent.key !== request.agent.key || tool?.kind !== 'turn') return undefined;
  return (turn.request.access ?? tool.accessOf(tool.arguments.parse(turn.request.arguments))) === 'write' ? turn : undefined;
}

/** The two states that a call asks for, and what to call them. */
export async function comparison(context: LookContext, { turn_id: turnId, thread_id: threadId, since }: Asked, tool: string): Promise<Comparison> {
  const { workspace } = context.session;
  if ([turnId, threadId, since].filter((choice) => choice !== undefined).length > 1) throw new AppError('invalid_arguments', `${tool}: give one of turn_id, thread_id and since.`);
  if (turnId !== undefined) return { compared: `Turn ${turnId}`, trees: (await turnTrees(context, turnId)) ?? NOTHING };
  if (threadId !== undefined) return { compared: `Conversation ${threadId}`, trees: (await workspace.thread(threadId)) ?? NOTHING };
  const [from, to] = await Promise.all([since === undefined ? workspace.startingPoint() : checkpointTree(context, since), workspace.take()]);
  return { compared: namesOf(since), trees: { from: from ?? to, to } };
}

const namesOf = (since: string | undefined): string => (since === undefined ? 'The starting point and now' : `Checkpoint ${since} and now`);

async function changesNow(context: LookContext, { since, paths, max_bytes }: { since?: string | undefined; paths?: string[] | undefined; max_bytes?: number | undefined }): Promise<Changes> {
  const changes = await context.session.workspace.changesNow(since, toPathspecs(paths), max_bytes);
  if (changes) return changes;
  await checkpointTree(context, since ?? ''); // says which there are
  throw new AppError('turn_failed', 'The checkpoint was made while it was looked for. Call again.');
}

/** The states around one of the agent's turns; undefined when it changed nothing that is still remembered. */
export async function turnTrees({ request, session, turns }: LookContext, turnId: string): Promise<Trees | undefined> {
  const trees = await session.workspace.turn(turnId);
  if (trees) return trees;
  const turn = await turns.load(turnId);
  if (turn?.request.agent.key !== request.agent.key) throw new AppError('unknown_turn', `Agent "${request.agent.agentId}" has no turn "${turnId}" that is remembered. list_turns has those of the last day.`);
  return undefined;
}

export async function checkpointTree({ session }: LookContext, name: string): Promise<string> {
  const tree = await session.workspace.checkpoint(name);
  if (tree !== undefined) return tree;
  const names = (await session.workspace.checkpoints()).map((kept) => kept.name);
  throw new AppError('invalid_arguments', `There is no checkpoint "${name}"; ${names.length === 0 ? 'none is kept' : `kept are ${names.join(', ')}`}.`);
}
