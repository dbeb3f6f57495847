import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createLogger, endOnSignals, runMain } from '@codex-mcp/observability';
import { z } from 'zod';
import { startEdge } from './edge.application.js';
import { readEdgeConfig } from './edge.config.js';

/** Beyond what shutting down takes when all goes well. */
const SHUTDOWN_GRACE_MS = 5000;

const readVersion = (): string => z.object({ version: z.string() }).parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))).version;

runMain(async () => {
  const config = readEdgeConfig(process.env);
  const logger = createLogger('mcp-edge', config.LOG_LEVEL);
  const instance = `${hostname()}-${randomBytes(4).toString('hex')}`;
  const edge = await startEdge(config, { instance, version: readVersion(), startedAtMs: Date.now() }, logger);
  endOnSignals(() => edge.close(), 2 * config.SHUTDOWN_TIMEOUT + SHUTDOWN_GRACE_MS, logger);
});
