import { z } from 'zod';

const time = () => z.iso.datetime().describe('ISO 8601');

/** A question of a running turn, as those who can answer it see it. */
export const ApprovalView = z.object({
  approval_id: z.string(),
  turn_id: z.string(),
  agent_id: z.string(),
  tool: z.string().describe('The tool whose turn asks'),
  kind: z.enum(['command', 'file_change', 'permissions']),
  command: z.string().optional().describe('What is to be run'),
  cwd: z.string().optional(),
  files: z.array(z.object({ path: z.string(), kind: z.string().describe('add, update or delete'), diff: z.string().optional() })).optional().describe('What is to be changed'),
  permissions: z.record(z.string(), z.unknown()).optional().describe('What is to be allowed beyond the sandbox'),
  reason: z.string().optional().describe('Why, as the model says'),
  asked_at: time(),
  expires_at: z.iso.datetime().describe('ISO 8601; without an answer by then the default of the server counts, which is never yes'),
});
export type ApprovalView = z.infer<typeof ApprovalView>;
