import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { createLogger, endBroken, endOnSignals, nestLogger, runMain } from '@codex-mcp/observability';
import { loadWorkerConfig } from './worker.config.js';
import { WorkerModule } from './worker.module.js';
import { WorkerService } from './worker.service.js';

/** For what comes after the turns: the audit log, the connections. */
const SHUTDOWN_GRACE_MS = 5000;

runMain(async () => {
  const config = loadWorkerConfig(process.env);
  const logger = createLogger('worker', config.LOG_LEVEL);
  const app = await NestFactory.createApplicationContext(WorkerModule.register(config, logger), { logger: nestLogger(logger), abortOnError: false });
  endOnSignals(() => app.close(), config.SHUTDOWN_TIMEOUT + SHUTDOWN_GRACE_MS, logger);
  endBroken(app.get(WorkerService).broken, () => app.close(), config.SHUTDOWN_TIMEOUT, logger);
});
