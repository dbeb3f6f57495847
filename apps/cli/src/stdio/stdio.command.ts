import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '@codex-mcp/config';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { Bridge } from './bridge.js';
import type { ServerAddress } from './server-transport.js';
import { loadStdioConfig, type StdioConfig } from './stdio.config.js';

const USAGE = `Usage: codex-mcp stdio [options]

Speaks MCP on standard input and output, and passes everything to a running codex-mcp server.

  --url URL          the server; http://localhost:8210 where it is not given
  --agent-id NAME    the agent of calls that name none
  --workspace DIR    the directory that such calls work in
  --toolset NAMES    offer only the tools of these sets, separated by ","
  --readonly         offer only tools that change nothing

A token, where the server asks for one, comes from CODEX_MCP_TOKEN or the file CODEX_MCP_TOKEN_FILE.`;

const DEFAULT_URL = 'http://localhost:8210';
/** How long what was asked before the end of the input may take; a call that takes longer has been answered with a handle by then. */
const LAST_ANSWERS_TIMEOUT_MS = 60_000;
const EX_USAGE = 64;
const EX_UNAVAILABLE = 69;

type Environment = Readonly<Record<string, string | undefined>>;
type Options = { url?: string; 'agent-id'?: string; workspace?: string; toolset?: string; readonly?: boolean; help?: boolean };

const say = (line: string): void => void process.stderr.write(`codex-mcp stdio: ${line}\n`);

/** Serves one client on standard input and output until either end goes away. Resolves with the exit code. */
export async function stdio(args: string[], env: Environment): Promise<number> {
  const options = readOptions(args);
  if (!options || options.help) {
    (options ? process.stdout : process.stderr).write(`${USAGE}\n`); // standard output belongs to the protocol
    return options ? 0 : EX_USAGE;
  }
  const address = addressOf(options, loadStdioConfig(env));
  return new Promise((exit) => {
    const bridge = new Bridge(new StdioServerTransport(), address, {
      say,
      unusable: ({ message }) => {
        say(message);
        exit(EX_UNAVAILABLE);
      },
    });
    const end = () => void bridge.end().then(() => exit(0));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
    process.stdin.once('end', () => void bridge.drain(LAST_ANSWERS_TIMEOUT_MS).then(end));
    process.stdout.once('error', end); // the client is gone
    void bridge.start();
  });
}

function readOptions(args: string[]): Options | undefined {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args, options: { url: text, 'agent-id': text, workspace: text, toolset: text, readonly: { type: 'boolean' }, help: { type: 'boolean' } } }).values;
  } catch {
    return undefined;
  }
}

function addressOf({ url: given = DEFAULT_URL, 'agent-id': agentId, workspace, toolset, readonly }: Options, config: StdioConfig): ServerAddress {
  const url = URL.parse(given);
  if (!url || !/^https?:$/.test(url.protocol)) throw new ConfigError(`--url ${given} must be an http(s) URL, such as ${DEFAULT_URL}.`);
  if (url.pathname === '/') url.pathname = '/mcp';
  if (toolset !== undefined) url.searchParams.set('toolset', toolset);
  if (readonly) url.searchParams.set('readonly', 'true');
  const named = { ...(agentId !== undefined && { 'X-Agent-Id': agentId }), ...(workspace !== undefined && { 'X-Workspace': resolve(workspace) }) };
  return { url, headers: () => ({ ...named, ...authorization(config) }) };
}

function authorization({ CODEX_MCP_TOKEN: token, CODEX_MCP_TOKEN_FILE: file }: StdioConfig): Record<string, string> {
  const text = token?.reveal() ?? (file === undefined ? undefined : readToken(file));
  return text === undefined ? {} : { Authorization: `Bearer ${text}` };
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`CODEX_MCP_TOKEN_FILE ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
