export { createLogger, type Logger } from './logger.js';
export { nestLogger } from './nest-logger.js';
export { operation, type OperationFields } from './operation.js';
export { addGauge, createMetrics, type HealthReport, startOpsServer } from './ops-server.js';
export { endBroken, runMain } from './run-main.js';
