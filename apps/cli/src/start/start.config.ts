import { join } from 'node:path';
import { defaultDataDir, flag, loadConfig, optionalSecret, port, textWithDefault } from '@codex-mcp/config';
import { z } from 'zod';

export const StartConfig = z.object({
  PORT: port(8210).describe('Port of the MCP endpoint'),
  BIND: textWithDefault('127.0.0.1').describe('Address of the MCP endpoint'),
  REDIS_URL: optionalSecret().describe('A Redis to use; without it one is started for this server'),
  DATA_DIR: textWithDefault(defaultDataDir()).describe('Redis’s data, logs, sockets and, without Docker, the agents’ files'),
  VERBOSE: flag(false).describe('true: show every log line of the services in the terminal'),
});
export type StartConfig = z.output<typeof StartConfig>;

export const loadStartConfig = (env: Record<string, string | undefined>): StartConfig => loadConfig(StartConfig, env);

export const dataPaths = (dataDir: string) => ({
  redis: join(dataDir, 'redis'),
  logs: join(dataDir, 'logs'),
  run: join(dataDir, 'run'),
  lock: join(dataDir, 'start.pid'),
});
