import type { ApprovalSubject } from '@codex-mcp/contracts';
import type { ApprovalRequest, FileChange } from './protocol.js';
import { unwrapShell } from './turn-items.mapper.js';

/** Who decides needs to see what it is about; what is longer is cut, and says so. */
const MAX_COMMAND_CHARACTERS = 8000;
const MAX_DIFF_CHARACTERS = 4000;
const MAX_FILES = 100;
/** Files beyond those are named without their diff. */
const MAX_DIFFS = 10;

/** Codex's question as people get to see it. `changes`: those of the item that a file change is about. */
export function toApprovalSubject({ method, params }: ApprovalRequest, changes: readonly FileChange[]): ApprovalSubject {
  const reason = params.reason ? { reason: params.reason } : {};
  if (method === 'item/fileChange/requestApproval') return { kind: 'file_change', files: changes.slice(0, MAX_FILES).map(shown), ...reason };
  const where = params.cwd ? { cwd: params.cwd } : {};
  if (method === 'item/permissions/requestApproval') return { kind: 'permissions', permissions: params.permissions, ...where, ...reason };
  return { kind: 'command', command: cut(unwrapShell(params.command ?? 'input for a command that runs'), MAX_COMMAND_CHARACTERS), ...where, ...reason };
}

const shown = ({ path, kind, diff }: FileChange, at: number) => ({ path, kind: kind.type, ...(diff !== undefined && at < MAX_DIFFS && { diff: cut(diff, MAX_DIFF_CHARACTERS) }) });

const cut = (text: string, limit: number): string => (text.length <= limit ? text : `${text.slice(0, limit)}\n… ${text.length - limit} more characters`);
