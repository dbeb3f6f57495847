export type { AuditAction, AuditDetail, AuditEntry, AuditOutcome } from './audit/audit-entry.js';
export { type Auditor, audited } from './audit/audited.js';
export { type AuditConfig, AuditLog, type AuditSource } from './audit/audit-log.js';
export { createLogger, type Logger } from './logger.js';
export { nestLogger } from './nest-logger.js';
export { operation, type OperationFields } from './operation.js';
export { addGauge, createMetrics, type HealthReport, startOpsServer } from './ops-server.js';
export { redactText } from './redaction.js';
export { endBroken, runMain } from './run-main.js';
