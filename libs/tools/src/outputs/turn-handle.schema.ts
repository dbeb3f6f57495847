import { z } from 'zod';
import { deepFreeze, type JsonSchema, toJsonSchema } from '../json-schema.js';
import { ApprovalView } from './approval-view.schema.js';

/** What a turn tool answers with when its turn outlasts what its caller waits for. */
export type TurnHandle = {
  turn_id: string;
  agent_id: string;
  /** Of a turn that Codex takes part in. */
  thread_id?: string;
  status: 'queued' | 'running';
  /** What the turn waits for. */
  pending_approvals?: ApprovalView[];
  next: string;
};

/** The rest of the view is described once, in list_approvals: nearly every tool has this. */
const PendingApproval = z.object({ approval_id: z.string(), kind: ApprovalView.shape.kind, command: z.string().optional(), expires_at: z.string() });

const HANDLE_PROPERTIES = {
  status: { type: 'string', enum: ['queued', 'running'], description: 'Only of a turn that is not finished yet, which has none of the rest' },
  next: { type: 'string', description: 'Only of a turn that is not finished yet: how to get its result' },
  pending_approvals: { ...toJsonSchema(z.array(PendingApproval), 'output'), description: 'Only where the turn waits for answers: what it asks, each in the form of list_approvals, which answer_approval answers' },
};

const HANDLE_REQUIRED = ['turn_id', 'agent_id', 'status', 'next'];

/** The handle of an unfinished turn, complete in itself: some clients show the model nothing else. */
export function handleOf(turn: Omit<TurnHandle, 'next'>): TurnHandle {
  const first = turn.pending_approvals?.[0];
  const asks = first ? `The turn waits for an approval, until ${first.expires_at}: answer_approval with approval_id "${first.approval_id}" answers. ` : '';
  return { ...turn, next: `${asks}${nextStep(turn.turn_id)}` };
}

/** How a model gets at an unfinished turn. */
export function nextStep(turnId: string): string {
  return `The turn goes on by itself. Call get_turn with turn_id "${turnId}" and wait_s 50 for its result; do not repeat the call. steer adds a message to it, cancel ends it.`;
}

/**
 * The schema of an output or of the handle in its place. The root keeps its type and all properties, so that a client that
 * ignores `anyOf` sees an object of optional properties. Throws where an output has a property of the handle's name.
 */
export function orHandle(output: JsonSchema): JsonSchema {
  const properties = output['properties'] as Record<string, unknown>;
  for (const name of Object.keys(HANDLE_PROPERTIES)) if (name in properties) throw new Error(`an output cannot have "${name}": the handle of a turn has it`);
  return deepFreeze({
    ...output,
    properties: { ...properties, ...HANDLE_PROPERTIES },
    required: ['turn_id', 'agent_id'],
    anyOf: [
      { type: 'object', required: output['required'] },
      { type: 'object', required: HANDLE_REQUIRED },
    ],
  });
}
