import { homedir } from 'node:os';
import { join } from 'node:path';
import { choice, count, hours, memorySize, optionalText, port, requiredSecret, seconds, textWithDefault } from './fields.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warning', 'warn', 'error', 'fatal', 'silent'] as const;

/** Where somebody's deeds are kept. */
export const auditFields = {
  AUDIT_DIR: optionalText().describe('Directory of the audit log, a file of JSON lines for each service, and one of what it refused; `npm start` uses DATA_DIR/audit. A service that is started without it keeps none'),
  AUDIT_MAX_SIZE: memorySize('50m').describe('Size at which a file of the audit log is put aside and another one begun'),
  AUDIT_KEEP: count(10).describe('Files of the audit log that each service keeps beside the present one, and as many of refusals; older ones are deleted'),
};

/** What every service reads. */
export const serviceFields = {
  REDIS_URL: requiredSecret('the URL of Redis, such as redis://:password@127.0.0.1:6379').describe('The Redis that all services share; `npm start` starts one where it is not set'),
  LOG_LEVEL: choice(LOG_LEVELS, 'info').describe('Least severe level that is logged'),
  OPS_BIND: textWithDefault('127.0.0.1').describe('Address of the /health and /metrics of this process'),
  OPS_PORT: port(0).describe('Port of the /health and /metrics of this process; 0 picks a free one'),
  ...auditFields,
};

export const defaultDataDir = (): string => join(homedir(), '.codex-mcp');

/** Shared by the supervisor and the gateway of one host. */
export const hostFields = {
  RUN_DIR: textWithDefault(join(defaultDataDir(), 'run')).describe('Sockets that the supervisor and the gateway of one host share'),
};

/** Read by those who take jobs from queues. */
export const consumerFields = {
  CONSUMPTION_TIMEOUT: seconds(15).describe('Seconds that a job may wait for a process that has room for it before the process says that it is unhealthy; after three times that it ends, to be started again'),
};

/** Read by those who sign what they put into Redis. */
export const envelopeFields = {
  ENVELOPE_KEYS_DIR: optionalText().describe('Directory with the key that this service signs with, <service>.key, and those that it trusts, mcp-edge.pub, worker.pub and supervisor.pub; `npm start` makes them in DATA_DIR/keys. Where it is not set, nothing in Redis is signed and anything is believed'),
};

/** Read by those who end turns. */
export const retentionFields = {
  TURN_RETENTION: hours(24).describe('Hours for which a finished turn is kept: its record, its log, its idempotency key'),
  MAX_FINISHED_TURNS: count(200, 10).describe('Finished turns of an agent that are kept; older ones go sooner than TURN_RETENTION'),
};
