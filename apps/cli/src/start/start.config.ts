import { join } from 'node:path';
import { defaultDataDir, flag, loadConfig, optionalSecret, port, textWithDefault } from '@codex-mcp/config';
import { z } from 'zod';

export const StartConfig = z.object({
  PORT: port(8210).describe('Port of the MCP endpoints, REST and the dashboards'),
  BIND: textWithDefault('127.0.0.1').describe('Address to listen on; beyond loopback only with MCP_AUTH_TOKENS_FILE'),
  REDIS_URL: optionalSecret().describe('The Redis that all services share; `npm start` starts one where it is not set'),
  DATA_DIR: textWithDefault(defaultDataDir()).describe('Where `npm start` keeps Redis’s data, logs and sockets, and agents without a container their files'),
  VERBOSE: flag(false).describe('true: show every log line of the services in the terminal'),
});
export type StartConfig = z.output<typeof StartConfig>;

export const loadStartConfig = (env: Record<string, string | undefined>): StartConfig => loadConfig(StartConfig, env);

export const dataPaths = (dataDir: string) => ({
  redis: join(dataDir, 'redis'),
  logs: join(dataDir, 'logs'),
  run: join(dataDir, 'run'),
  audit: join(dataDir, 'audit'),
  keys: join(dataDir, 'keys'),
  lock: join(dataDir, 'start.pid'),
  services: join(dataDir, 'services.pid'),
});
