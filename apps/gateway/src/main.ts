import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '@codex-mcp/config';
import { createLogger, endOnSignals, nestLogger, runMain } from '@codex-mcp/observability';
import { GatewayConfig } from './gateway.config.js';
import { GatewayModule } from './gateway.module.js';

/** For what was used, and the audit log. */
const SHUTDOWN_GRACE_MS = 5000;

runMain(async () => {
  const config = loadConfig(GatewayConfig, process.env);
  const logger = createLogger('gateway', config.LOG_LEVEL);
  const app = await NestFactory.createApplicationContext(GatewayModule.with(config, logger), { logger: nestLogger(logger), abortOnError: false });
  endOnSignals(() => app.close(), 2 * config.SHUTDOWN_TIMEOUT + SHUTDOWN_GRACE_MS, logger);
});
