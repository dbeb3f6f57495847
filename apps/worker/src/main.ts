import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { createLogger, endBroken, nestLogger, runMain } from '@codex-mcp/observability';
import { loadWorkerConfig } from './worker.config.js';
import { WorkerModule } from './worker.module.js';
import { WorkerService } from './worker.service.js';

runMain(async () => {
  const config = loadWorkerConfig(process.env);
  const logger = createLogger('worker', config.LOG_LEVEL);
  const app = await NestFactory.createApplicationContext(WorkerModule.register(config, logger), { logger: nestLogger(logger), abortOnError: false });
  app.enableShutdownHooks();
  endBroken(app.get(WorkerService).broken, () => app.close(), config.SHUTDOWN_TIMEOUT, logger);
});
