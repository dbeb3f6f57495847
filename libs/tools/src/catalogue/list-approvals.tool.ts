import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { ApprovalView } from '../outputs/approval-view.schema.js';
import { approvalBlock } from '../rendering/approvals.js';
import { bullets } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';

export const listApprovals = defineManagementTool({
  name: 'list_approvals',
  title: 'List approvals',
  description: 'What your running turns ask before they act, and wait for: commands with their directory, changes with their diff, the most urgent first. answer_approval answers.',
  arguments: {
    agent_id: text('Only those of this agent. Default: of all your agents.').optional(),
    turn_id: text('Only those of this turn').optional(),
  },
  output: { approvals: z.array(ApprovalView) },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ approvals }) => (approvals.length === 0 ? 'Nothing waits for an approval.' : bullets(approvals.map(approvalBlock))),
});
