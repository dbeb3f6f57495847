import { text } from 'node:stream/consumers';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { DEFAULT_PROFILE, ProfileName } from '@codex-mcp/contracts';
import { credentialPaths, displayPath } from '@codex-mcp/credentials';
import { type AuditAction, audited, AuditLog, createLogger } from '@codex-mcp/observability';
import { type AuthConfig, type Environment, loadAuthConfig } from './auth.config.js';
import { addLine, makeToken, type TokenWish } from './client-token.js';
import { login, type LoginRequest } from './login.js';
import { logout } from './logout.js';
import { status } from './status.js';

const USAGE = `Usage: npm run auth -- <command>

  login              Sign in with ChatGPT in a browser on this machine.
  login --device     Sign in with ChatGPT in a browser anywhere, with a code.
  login --api-key    Use the API key on the standard input: printenv KEY | npm run auth -- login --api-key
  status             Show which sign-ins there are, and which ones the running server uses.
  logout             Remove codex-mcp's own sign-in, and end it at OpenAI.
    --profile NAME     of login and logout: another sign-in, for the tenants and agents that SIGN_IN_PROFILES_FILE gives it to
  token              Make a bearer token for a client of this server, and its line for MCP_AUTH_TOKENS_FILE.
    --tenant NAME      whose agents it sees
    --scopes LIST      read (look), run (have agents work), admin (end agents, dashboards); read,run where it is not given
    --expires TIME     after 12h, 90d or 4w, or at 2027-01-31; never where it is not given
    --name NAME        whose token it is, for logs
    --file PATH        add the line to this file

A running server takes a new sign-in, the lack of one, and a changed tokens file by itself.`;

const EX_USAGE = 64;

const out = (line: string): void => void process.stdout.write(`${line}\n`);

/** Signs codex-mcp in and out. Resolves with the exit code. */
export async function auth(args: string[], env: Environment): Promise<number> {
  const { command, device, apiKey, help, profile, token } = parse(args);
  if (command === 'token' && token.tenant !== '') return makeClientToken(token);
  const config = loadAuthConfig(env);
  if (command === 'login' && !(device && apiKey)) return signIn(profile, device, apiKey, config, env);
  if (command === 'logout') {
    out(await recorded('sign_in.logout', config, { profile }, () => logout(config, env, profile)));
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

async function signIn(profile: string, device: boolean, apiKey: boolean, config: AuthConfig, env: Environment): Promise<number> {
  const request = apiKey ? await keyRequest() : ({ type: device ? 'chatgptDeviceCode' : 'chatgpt' } as const);
  if (!request) {
    out('Give the key on the standard input, where nobody sees it: printenv KEY | npm run auth -- login --api-key');
    return EX_USAGE;
  }
  await recorded('sign_in.login', config, { profile, how: request.type }, () => login(request, config, env, out, profile));
  const { HOME } = config;
  out(`Signed in${apiKey ? ' with an API key' : ' with ChatGPT'}; kept in ${displayPath(credentialPaths(config, profile).own, HOME)}. A running server has it within a second or two.`);
  return 0;
}

function makeClientToken({ file, ...wish }: TokenOptions): number {
  const { token, line } = makeToken(wish, Date.now());
  if (file !== undefined) addLine(file, line);
  out(`The token, which is shown this once:\n\n  ${token}\n\n${file === undefined ? 'Its line for MCP_AUTH_TOKENS_FILE' : `Added to ${file}`}:\n\n  ${line}\n`);
  return 0;
}

async function recorded<Result>(action: AuditAction, config: AuthConfig, detail: { profile: string; how?: string }, work: () => Promise<Result>): Promise<Result> {
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

type TokenOptions = TokenWish & { readonly file?: string | undefined };
type Parsed = { command: string | undefined; device: boolean; apiKey: boolean; help: boolean; profile: string; token: TokenOptions };

const word = { type: 'string' } as const;
const yes = { type: 'boolean' } as const;

function parse(args: string[]): Parsed {
  try {
    const options = { device: yes, 'api-key': yes, help: yes, profile: word, tenant: word, scopes: word, expires: word, name: word, file: word };
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    const { device = false, 'api-key': apiKey = false, help = false, tenant = '', scopes = 'read,run', profile = DEFAULT_PROFILE, ...rest } = values;
    return { command: positionals.length === 1 && !help ? positionals[0] : undefined, device, apiKey, help, profile: ProfileName.parse(profile), token: { tenant, scopes, ...rest } };
  } catch {
    return { command: undefined, device: false, apiKey: false, help: false, profile: DEFAULT_PROFILE, token: { tenant: '', scopes: '' } };
  }
}
