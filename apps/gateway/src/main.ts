import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '@codex-mcp/config';
import { createLogger, nestLogger, runMain } from '@codex-mcp/observability';
import { GatewayConfig } from './gateway.config.js';
import { GatewayModule } from './gateway.module.js';

runMain(async () => {
  const config = loadConfig(GatewayConfig, process.env);
  const logger = createLogger('gateway', config.LOG_LEVEL);
  const app = await NestFactory.createApplicationContext(GatewayModule.with(config, logger), { logger: nestLogger(logger), abortOnError: false });
  const stop = (signal: NodeJS.Signals) => {
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error, signal }, 'the gateway did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
});
