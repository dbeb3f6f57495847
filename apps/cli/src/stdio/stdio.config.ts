import { loadConfig, optionalSecret, optionalText } from '@codex-mcp/config';
import { z } from 'zod';

export const StdioConfig = z.object({
  CODEX_MCP_TOKEN: optionalSecret().describe('Bearer token for a server that asks for one'),
  CODEX_MCP_TOKEN_FILE: optionalText().describe('File with that token, read anew for each connection'),
});
export type StdioConfig = z.output<typeof StdioConfig>;

export const loadStdioConfig = (env: Readonly<Record<string, string | undefined>>): StdioConfig => loadConfig(StdioConfig, env);
