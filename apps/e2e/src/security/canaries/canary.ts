import { randomBytes } from 'node:crypto';
import { fakeJwt } from '@codex-mcp/testing';

/** A program of the product, by its folder in `apps`. */
export type App = 'cli' | 'gateway' | 'mcp-edge' | 'supervisor' | 'worker';

/** Which of them a command line starts, as one file or as many. */
export function appOf(command: string): App | undefined {
  const [, app] = /\/apps\/([\w-]+)\/dist\/main\.(?:bundle\.)?js(?:\0|$)/.exec(command) ?? [];
  return app as App | undefined;
}

/** One planted secret, and the only places that may hold it. */
export type Canary = {
  readonly name: string;
  readonly value: string;
  /** Programs that were started with it in their environment. */
  readonly environments: readonly App[];
  /** A directory below DATA_DIR. */
  readonly directory?: string;
};

const SERVICES: readonly App[] = ['gateway', 'mcp-edge', 'supervisor', 'worker'];
const SIGN_IN = { environments: [], directory: 'credentials' };

const random = (): string => `canary${randomBytes(12).toString('hex')}`;

/** The secrets that are planted. */
export class Canaries {
  readonly apiKey: Canary = { name: 'API key', value: `sk-proj-${random()}`, environments: ['cli', 'gateway'] };
  readonly accessToken: Canary = { name: 'access token', value: fakeJwt(), ...SIGN_IN };
  readonly nextAccessToken: Canary = { name: 'renewed access token', value: fakeJwt(), ...SIGN_IN };
  readonly refreshToken: Canary = { name: 'refresh token', value: `rt_${random()}`, ...SIGN_IN };
  readonly nextRefreshToken: Canary = { name: 'renewed refresh token', value: `rt_${random()}`, ...SIGN_IN };
  readonly idToken: Canary = { name: 'id token', value: fakeJwt(), ...SIGN_IN };
  readonly clientToken: Canary = { name: 'client token', value: random(), environments: [] };
  readonly gitPassword: Canary = { name: 'git credential', value: `ghp_${random()}`, environments: [] };
  readonly webhookSecret: Canary = { name: 'webhook secret', value: random(), environments: [] };
  readonly opsPassword: Canary = { name: 'OPS_PASSWORD', value: random(), environments: ['cli', 'mcp-edge'] };
  /** Something else that is in the operator's shell. */
  readonly shellSecret: Canary = { name: "variable of the operator's shell", value: random(), environments: ['cli', ...SERVICES] };

  get all(): readonly Canary[] {
    return Object.values(this) as Canary[];
  }
}

export const redisPassword = (value: string): Canary => ({ name: 'Redis password', value, environments: ['cli', ...SERVICES] });

/** By its file, PEM: its last line of base64 is what no other key has. */
export function signingKey(file: string, pem: string): Canary {
  const value = pem.trim().split('\n').at(-2)?.slice(-40) ?? '';
  if (value.length < 40) throw new Error(`${file} holds no key`);
  return { name: `signing key ${file}`, value, environments: [], directory: 'keys' };
}
