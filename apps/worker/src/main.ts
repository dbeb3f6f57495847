import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { createLogger, nestLogger, runMain } from '@codex-mcp/observability';
import { loadWorkerConfig } from './worker.config.js';
import { WorkerModule } from './worker.module.js';

runMain(async () => {
  const config = loadWorkerConfig(process.env);
  const logger = createLogger('worker', config.LOG_LEVEL);
  const app = await NestFactory.createApplicationContext(WorkerModule.register(config, logger), { logger: nestLogger(logger), abortOnError: false });
  app.enableShutdownHooks();
});
