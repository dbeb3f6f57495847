import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { runMain } from '@codex-mcp/observability';

const USAGE = `Usage: codex-mcp <command>

  start    Serve: Redis, gateway, supervisor, worker and MCP edge as child processes.
  stdio    Connect a client that speaks only stdio to a running server: stdio [--url URL] [--help].
  auth     Sign in to OpenAI and out: auth login [--device | --api-key], auth status, auth logout.
           Make a token for a client: auth token --tenant NAME.
  secrets  For the compose file: secrets DIRECTORY makes what each service needs and is not there yet,
           its password of Redis and the key that it signs with.

Settings come from the environment and, but for stdio, from the file .env in the current directory.`;

runMain(async () => {
  const [command = 'start', ...args] = process.argv.slice(2);
  // Clients start it in their users' projects, whose .env is not meant for it; and it is there at once without the other commands.
  if (command === 'stdio') process.exit(await (await import('./stdio/stdio.command.js')).stdio(args, process.env));
  if (existsSync('.env')) loadEnvFile('.env');
  if (command === 'start') process.exit(await (await import('./start/start.command.js')).start(process.env));
  if (command === 'auth') process.exit(await (await import('./auth/auth.command.js')).auth(args, process.env));
  if (command === 'secrets' && args[0] !== undefined) process.exit((await import('./secrets/secrets.command.js')).secrets(args[0]));
  process.stdout.write(`${USAGE}\n`);
  process.exit(command === 'help' || command === '--help' ? 0 : 64);
});
