import type { ApprovalSubject } from '@codex-mcp/contracts';
import type { ApprovalView } from '../outputs/approval-view.schema.js';
import { code, fenced, labelled, lines } from './markdown.js';

const MAX_FILES = 5;

/** What is asked for, on one line. */
export function approvalText(subject: ApprovalSubject): string {
  switch (subject.kind) {
    case 'command':
      return subject.command;
    case 'file_change':
      return subject.files.length === 0 ? 'changes to files' : fileNames(subject.files.map(({ path, kind }) => `${kind} ${path}`));
    case 'permissions':
      return `permissions ${JSON.stringify(subject.permissions)}`;
  }
}

const fileNames = (names: string[]): string => (names.length > MAX_FILES ? `${names.slice(0, MAX_FILES).join(', ')} and ${names.length - MAX_FILES} more` : names.join(', '));

/** One open approval, for somebody who is to decide. */
export function approvalBlock(approval: ApprovalView): string {
  const what = approval.command === undefined ? (approval.files ?? []).map(({ path, kind }) => `${kind} ${code(path)}`).join(', ') || approval.kind : code(approval.command);
  const diffs = (approval.files ?? []).flatMap(({ path, diff }) => (diff === undefined ? [] : fenced('diff', `${path}\n${diff}`)));
  return lines(`${code(approval.approval_id)} ${what}`, labelled('in', approval.cwd), labelled('reason', approval.reason), `turn ${approval.turn_id} of agent ${approval.agent_id}, until ${approval.expires_at}`, ...diffs);
}
