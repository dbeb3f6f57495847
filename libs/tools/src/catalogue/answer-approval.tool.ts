import { ApprovalDecision, ApprovalVia } from '@codex-mcp/contracts';
import { z } from 'zod';
import { choice, text } from '../arguments/argument.schema.js';
import { defineManagementTool } from '../tool.js';

const MAX_MESSAGE_CHARACTERS = 2000;

export const answerApproval = defineManagementTool({
  name: 'answer_approval',
  title: 'Answer an approval',
  description: 'Decides what a running turn asks before it acts. The first answer counts, from wherever it comes. Decide only what you are entitled to: where a person has to, ask the person.',
  arguments: {
    approval_id: text('The approval, from list_approvals or get_turn'),
    decision: choice(ApprovalDecision, 'accept: this once. accept_for_session: also when the same is asked again in this conversation. decline: not this; Codex goes on without. cancel: not this, and the turn ends.'),
    message: z.string().max(MAX_MESSAGE_CHARACTERS, `must be at most ${MAX_MESSAGE_CHARACTERS} characters`).describe('Why, for the record of the turn; steer tells Codex').optional(),
  },
  output: {
    approval_id: z.string(),
    turn_id: z.string(),
    answered: z.boolean().describe('true: this answer counts'),
    decision: ApprovalDecision.optional().describe('The decision that counts; absent where there is none'),
    via: ApprovalVia.optional().describe('Where that decision came from'),
    reason: z.string().optional().describe('Why this answer does not count'),
  },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: ({ approval_id, answered, decision, reason }) => (answered ? `${approval_id}: ${decision}.` : `${approval_id} was not answered by this: ${reason}`),
});
