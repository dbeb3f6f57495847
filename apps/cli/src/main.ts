import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { runMain } from '@codex-mcp/observability';
import { auth } from './auth/auth.command.js';
import { start } from './start/start.command.js';

const USAGE = `Usage: codex-mcp <command>

  start    Serve: Redis, gateway, supervisor, worker and MCP edge as child processes.
  auth     Sign in to OpenAI and out: auth login [--device | --api-key], auth status, auth logout.

Settings come from the environment and from the file .env in the current directory.`;

runMain(async () => {
  if (existsSync('.env')) loadEnvFile('.env');
  const [command = 'start', ...args] = process.argv.slice(2);
  if (command === 'start') process.exit(await start(process.env));
  if (command === 'auth') process.exit(await auth(args, process.env));
  process.stdout.write(`${USAGE}\n`);
  process.exit(command === 'help' || command === '--help' ? 0 : 64);
});
