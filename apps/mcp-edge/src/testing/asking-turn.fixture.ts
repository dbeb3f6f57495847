import { type Approval, approvalIdOf } from '@codex-mcp/contracts';
import type { ApprovalStore } from '@codex-mcp/messaging';
import type { PlayedTurn } from './stand-ins.fixture.js';

export const INSTALL = { kind: 'command' as const, command: 'npm install', cwd: '/workspace', reason: 'It is needed.' };

/** What a worker does when Codex asks; resolves with the approval's id. */
export async function askIn(store: ApprovalStore, turn: PlayedTurn, question: string, subject: Approval['subject'] = INSTALL): Promise<string> {
  const { turnId, tool, agent } = turn.request;
  const approvalId = approvalIdOf(turnId, question);
  const standing = await store.ask({ approvalId, turnId, tool, agent, subject, askedAtMs: Date.now() }, 1, 600_000, 'decline');
  if (standing.outcome !== 'open') throw new Error(standing.outcome);
  await turn.append({ type: 'approval_requested', approvalId, subject, deadlineMs: standing.deadlineMs });
  return approvalId;
}
