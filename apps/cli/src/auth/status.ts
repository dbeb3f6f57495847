import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { runPaths, SignIn } from '@codex-mcp/contracts';
import { credentialPaths, displayPath, parseAuthJson, readClaims, storedProfiles } from '@codex-mcp/credentials';
import { z } from 'zod';
import type { AuthConfig } from './auth.config.js';
import { SHARED_SIGN_IN } from './shared-sign-in.js';

const GatewayHealth = z.looseObject({ signIn: SignIn, profiles: z.record(z.string(), SignIn).optional() });
type GatewayHealth = z.infer<typeof GatewayHealth>;
const ANSWER_TIMEOUT_MS = 2000;

/** Which sign-ins there are, and which one the running server uses. No secret is in it. */
export async function status(config: AuthConfig): Promise<{ signedIn: boolean; lines: string[] }> {
  const { own, shared } = credentialPaths(config);
  const inForce = await askGateway(config.RUN_DIR);
  const found = [own, ...shared].filter((path) => existsSync(path));
  const lines = [
    `codex-mcp    ${existsSync(own) ? describe(own) : 'no sign-in of its own: npm run auth -- login'}  ${displayPath(own, config.HOME)}`,
    ...shared.filter((path) => existsSync(path)).map((path) => `Codex CLI    ${describe(path)}  ${displayPath(path, config.HOME)}${existsSync(own) ? ' (not used)' : noteOf(path)}`),
    ...profileLines(config, inForce),
    `server       ${inForce ? describeInForce(inForce.signIn) : 'none runs here with this DATA_DIR'}`,
  ];
  return { signedIn: inForce ? inForce.signIn.method !== 'none' : found.length > 0, lines };
}

/** Sign-ins beside the default one: those that are stored, and those that the server would need. */
function profileLines(config: AuthConfig, inForce: GatewayHealth | undefined): string[] {
  const names = new Set([...storedProfiles(config), ...Object.keys(inForce?.profiles ?? {})]);
  return [...names].map((name) => {
    const { own } = credentialPaths(config, name);
    const used = inForce?.profiles?.[name];
    const stored = existsSync(own) ? describe(own) : `not signed in: npm run auth -- login --profile ${name}`;
    return `profile      ${name}: ${stored}  ${displayPath(own, config.HOME)} (${inForce && !used ? 'nobody has it' : used ? `server: ${describeInForce(used)}` : 'no server runs here'})`;
  });
}

const noteOf = (path: string): string => (describe(path).startsWith('ChatGPT') ? ` (${SHARED_SIGN_IN})` : '');

function describe(path: string): string {
  const content = parseAuthJson(readText(path));
  if (!content) return 'cannot be read';
  if (content.tokens && content.auth_mode !== 'apikey') {
    const { email, plan } = readClaims(content.tokens.id_token ?? content.tokens.access_token);
    return ['ChatGPT', email, plan && `(${plan})`].filter(Boolean).join(' ');
  }
  return content.OPENAI_API_KEY ? 'API key' : 'signed out';
}

const describeInForce = ({ method, source, problem }: SignIn): string => {
  const account = { chatgpt: 'ChatGPT', api_key: 'API key', none: 'not signed in' }[method];
  return [`${account}${source ? ` (${source})` : ''}`, problem].filter(Boolean).join('. ');
};

/** What the running gateway says of itself; undefined where none answers. */
async function askGateway(runDir: string): Promise<GatewayHealth | undefined> {
  try {
    const asked = request({ socketPath: runPaths.gatewayControl(runDir), path: '/health', timeout: ANSWER_TIMEOUT_MS });
    asked.once('timeout', () => asked.destroy()).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const answer = await text(response);
    return GatewayHealth.parse(JSON.parse(answer));
  } catch {
    return undefined;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
