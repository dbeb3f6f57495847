import { AppError } from '@codex-mcp/contracts';
import type { AuditEntry } from './audit-entry.js';
import type { AuditLog } from './audit-log.js';

export type Auditor = Pick<AuditLog, 'record'>;

/** Runs `work` and records what became of it, a failure with its code. Errors are thrown on. */
export async function audited<Result>(audit: Auditor, entry: Omit<AuditEntry, 'outcome'>, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    audit.record({ ...entry, outcome: 'ok' });
    return result;
  } catch (error) {
    audit.record({ ...entry, outcome: 'failed', detail: { ...entry.detail, code: error instanceof AppError ? error.code : 'internal' } });
    throw error;
  }
}
