import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { createLogger, endBroken, endOnSignals, nestLogger, runMain } from '@codex-mcp/observability';
import { loadSupervisorConfig } from './supervisor.config.js';
import { SupervisorModule } from './supervisor.module.js';
import { SupervisorService } from './supervisor.service.js';

/** For the commands that are under way. */
const CLOSE_TIMEOUT_MS = 5000;

/** For the commands, and for the agents, which are stopped with it where that is configured. */
const SHUTDOWN_TIMEOUT_MS = 45_000;

runMain(async () => {
  const config = loadSupervisorConfig(process.env);
  const logger = createLogger('supervisor', config.LOG_LEVEL);
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  const app = await NestFactory.createApplicationContext(SupervisorModule.register(config, logger, path), { logger: nestLogger(logger), abortOnError: false });
  endOnSignals(() => app.close(), SHUTDOWN_TIMEOUT_MS, logger);
  endBroken(app.get(SupervisorService).broken, () => app.close(), CLOSE_TIMEOUT_MS, logger);
});
