import { text } from 'node:stream/consumers';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { credentialPaths, displayPath } from '@codex-mcp/credentials';
import { type AuditAction, audited, AuditLog, createLogger } from '@codex-mcp/observability';
import { type AuthConfig, type Environment, loadAuthConfig } from './auth.config.js';
import { login, type LoginRequest } from './login.js';
import { logout } from './logout.js';
import { status } from './status.js';

const USAGE = `Usage: npm run auth -- <command>

  login              Sign in with ChatGPT in a browser on this machine.
  login --device     Sign in with ChatGPT in a browser anywhere, with a code.
  login --api-key    Use the API key on the standard input: printenv KEY | npm run auth -- login --api-key
  status             Show which sign-ins there are, and which one the running server uses.
  logout             Remove codex-mcp's own sign-in, and end it at OpenAI.

A running server takes a new sign-in, and the lack of one, by itself.`;

const EX_USAGE = 64;

const out = (line: string): void => void process.stdout.write(`${line}\n`);

/** Signs codex-mcp in and out. Resolves with the exit code. */
export async function auth(args: string[], env: Environment): Promise<number> {
  const { command, device, apiKey, help } = parse(args);
  const config = loadAuthConfig(env);
  if (command === 'login' && !(device && apiKey)) return signIn(device, apiKey, config, env);
  if (command === 'logout') {
    out(await recorded('sign_in.logout', config, {}, () => logout(config, env)));
    return 0;
  }
  if (command === 'status') {
    const { signedIn, lines } = await status(config);
    out(lines.join('\n'));
    return signedIn ? 0 : 1;
  }
  out(USAGE);
  return help ? 0 : EX_USAGE;
}

async function signIn(device: boolean, apiKey: boolean, config: AuthConfig, env: Environment): Promise<number> {
  const request = apiKey ? await keyRequest() : ({ type: device ? 'chatgptDeviceCode' : 'chatgpt' } as const);
  if (!request) {
    out('Give the key on the standard input, where nobody sees it: printenv KEY | npm run auth -- login --api-key');
    return EX_USAGE;
  }
  await recorded('sign_in.login', config, { how: request.type }, () => login(request, config, env, out));
  const { HOME } = config;
  out(`Signed in${apiKey ? ' with an API key' : ' with ChatGPT'}; kept in ${displayPath(credentialPaths(config).own, HOME)}. A running server has it within a second or two.`);
  return 0;
}

async function recorded<Result>(action: AuditAction, config: AuthConfig, detail: { how?: string }, work: () => Promise<Result>): Promise<Result> {
  const audit = new AuditLog(config, { service: 'cli', instance: `${hostname()}-${process.pid}` }, createLogger('cli', 'error', process.stderr));
  try {
    return await audited(audit, { action, principal: `uid ${process.getuid?.() ?? 'unknown'}`, detail }, work);
  } finally {
    await audit.close();
  }
}

async function keyRequest(): Promise<LoginRequest | undefined> {
  if (process.stdin.isTTY) return undefined;
  const apiKey = (await text(process.stdin)).trim();
  return apiKey === '' ? undefined : { type: 'apiKey', apiKey };
}

function parse(args: string[]): { command: string | undefined; device: boolean; apiKey: boolean; help: boolean } {
  try {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { device: { type: 'boolean' }, 'api-key': { type: 'boolean' }, help: { type: 'boolean' } } });
    const command = positionals.length === 1 && !values.help ? positionals[0] : undefined;
    return { command, device: values.device ?? false, apiKey: values['api-key'] ?? false, help: values.help ?? false };
  } catch {
    return { command: undefined, device: false, apiKey: false, help: false };
  }
}
