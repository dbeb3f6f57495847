import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { freePort } from './free-port.js';

export type OidcProvider = { readonly issuer: string; stop(): Promise<void> };

const SCOPES = 'read run admin';

/** A real OpenID provider, where clients register themselves and `signIn` says who its user is. Access tokens are JWTs for the resource that the client names. */
export async function startOidcProvider(): Promise<OidcProvider> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const [{ Provider }, { exportJWK, generateKeyPair }] = await Promise.all([import('oidc-provider'), import('jose')]);
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'first', alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['not a secret'] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: ['openid', 'offline_access', ...SCOPES.split(' ')],
    pkce: { required: () => true },
    ttl: { AccessToken: 600, Grant: 600, Session: 600, Interaction: 600, IdToken: 600 },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({ scope: SCOPES, audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
        useGrantedResource: () => true,
      },
    },
  });
  const handle = provider.callback();
  // Most issuers let clients ask for more than they registered with; this one holds them to the scope that they named then.
  const server = createServer((request, response) => void withoutScope(request).then(() => handle(request, response)));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    issuer,
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Takes the scope out of a client's registration. */
async function withoutScope(request: IncomingMessage): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/reg') return;
  const { scope: _, ...metadata } = (await json(request)) as Record<string, unknown>;
  Object.assign(request, { body: metadata });
}

/** What a person does in a browser: signs in as somebody and agrees. Resolves with where the provider sends them, with the code. */
export async function signIn(authorization: URL, login: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let next = authorization;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 12; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(next, { redirect: 'manual', headers: { cookie }, ...(form && { method: 'POST', body: form }) });
    for (const [pair = ''] of response.headers.getSetCookie().map((line) => line.split(';'))) cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    const location = response.headers.get('location');
    const page = await response.text();
    if (location !== null) {
      form = undefined;
      next = new URL(location, next);
      if (next.searchParams.has('code') || next.searchParams.has('error')) return next;
    } else {
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (prompt === undefined) throw new Error(`${response.status} ${page.slice(0, 500)}`);
      form = new URLSearchParams({ prompt, login, password: 'any' });
    }
  }
  throw new Error('the provider does not come to an end');
}
