import { ApprovalDecision, type ApprovalSubject } from '@codex-mcp/contracts';
import { approvalText } from '@codex-mcp/tools';
import { z } from 'zod';
import type { Question } from '../invocation/invocation.js';

const MAX_DIFF_CHARACTERS = 3000;

const Answer = z.discriminatedUnion('action', [
  z.object({ action: z.literal('accept'), content: z.object({ decision: ApprovalDecision, message: z.string().optional() }) }),
  z.object({ action: z.literal('decline') }),
  z.object({ action: z.literal('cancel') }),
]);

/** An approval as an elicitation. */
export function questionOf(subject: ApprovalSubject): Question {
  const where = 'cwd' in subject && subject.cwd !== undefined ? `\n\nin ${subject.cwd}` : '';
  const why = subject.reason === undefined ? '' : `\n\nReason: ${subject.reason}`;
  const properties = {
    decision: {
      type: 'string',
      title: 'Decision',
      description: 'accept: this once. accept_for_session: also when the same is asked again. decline: not this. cancel: not this, and the turn ends.',
      enum: ApprovalDecision.options,
    },
    message: { type: 'string', title: 'Why', description: 'For the record of the turn' },
  };
  return { method: 'elicitation/create', params: { message: `Codex asks before it acts. ${wish(subject)}${where}${why}`, requestedSchema: { type: 'object', properties, required: ['decision'] } } };
}

function wish(subject: ApprovalSubject): string {
  if (subject.kind !== 'file_change') return subject.kind === 'command' ? `It wants to run:\n\n${subject.command}` : `It wants ${approvalText(subject)}`;
  const diffs = subject.files.flatMap(({ path, diff }) => (diff === undefined ? [] : `${path}\n${diff}`)).join('\n');
  return `It wants to change files: ${approvalText(subject)}\n\n${diffs.length <= MAX_DIFF_CHARACTERS ? diffs : `${diffs.slice(0, MAX_DIFF_CHARACTERS)}\n…`}`;
}

/** What the person decided; undefined where the question was put away without a decision, or the client answered otherwise. */
export function decisionOf(answer: unknown): { decision: ApprovalDecision; message?: string | undefined } | undefined {
  const { data } = Answer.safeParse(answer);
  if (data?.action === 'accept') return data.content;
  return data?.action === 'decline' ? { decision: 'decline' } : undefined;
}
