import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '@codex-mcp/contracts';
import { createRedis } from '@codex-mcp/messaging';
import { freePort, makeSigningKey, nowS, type OidcProvider, type RedisFixture, signIn, startOidcProvider, startRedis, type TemporaryDirectory, temporaryDirectory, TokenIssuer } from '@codex-mcp/testing';
import { TOOLS } from '@codex-mcp/tools';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import type { Redis } from 'ioredis';
import { startTestEdge, type TestEdge } from '../../testing/edge.fixture.js';
import { beat, StandInWorker } from '../../testing/stand-ins.fixture.js';

jest.setTimeout(60_000); // on a busy machine

const REDIRECT = 'http://127.0.0.1:9/callback';

/** A client's memory, with its user in place of a browser. */
class User implements OAuthClientProvider {
  readonly redirectUrl = REDIRECT;
  readonly clientMetadata = { redirect_uris: [REDIRECT], client_name: 'oauth spec', token_endpoint_auth_method: 'none', grant_types: ['authorization_code'], response_types: ['code'] };
  code: string | undefined;
  private information: OAuthClientInformationMixed | undefined;
  private held: OAuthTokens | undefined;
  private verifier = '';

  constructor(private readonly login: string) {}

  clientInformation = () => this.information;
  saveClientInformation = (information: OAuthClientInformationMixed) => void (this.information = information);
  tokens = () => this.held;
  saveTokens = (tokens: OAuthTokens) => void (this.held = tokens);
  saveCodeVerifier = (verifier: string) => void (this.verifier = verifier);
  codeVerifier = () => this.verifier;
  redirectToAuthorization = async (url: URL) => {
    this.code = (await signIn(url, this.login)).searchParams.get('code') ?? undefined;
  };

  get accessToken(): string {
    return this.held?.access_token ?? '';
  }
}

let directory: TemporaryDirectory;
let redisServer: RedisFixture;
let redis: Redis;
let beats: { stop(): Promise<void> };
let worker: StandInWorker;
let provider: OidcProvider;
let edge: TestEdge;

beforeAll(async () => {
  directory = await temporaryDirectory();
  const tokens = join(directory.path, 'tokens');
  writeFileSync(tokens, `${digestOf('from-the-file')} team\n`);
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  beats = await beat(redis);
  worker = await new StandInWorker(redisServer.url).start();
  provider = await startOidcProvider();
  const port = String(await freePort());
  edge = await startTestEdge(redisServer.url, { PORT: port, MCP_PUBLIC_URL: `http://127.0.0.1:${port}`, MCP_OAUTH_ISSUER: provider.issuer, MCP_AUTH_TOKENS_FILE: tokens });
});
afterAll(async () => {
  await edge.close();
  await provider.stop();
  await worker.stop();
  await beats.stop();
  redis.disconnect();
  await redisServer.stop();
  await directory.remove();
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Connects as a client that has never been here: it is refused, discovers, registers, has its user sign in, and comes back. */
async function connect(path: '/mcp' | '/sse', user: User): Promise<Client> {
  const transport = () => (path === '/mcp' ? new StreamableHTTPClientTransport(new URL(`${edge.url}${path}`), { authProvider: user }) : new SSEClientTransport(new URL(`${edge.url}${path}`), { authProvider: user }));
  const first = transport();
  await expect(new Client({ name: 'oauth spec', version: '1' }).connect(first)).rejects.toThrow(UnauthorizedError);
  await first.finishAuth(user.code ?? '');
  await first.close();
  const client = new Client({ name: 'oauth spec', version: '1' });
  await client.connect(transport());
  return client;
}

describe('an OAuth client of the MCP SDK', () => {
  it.each(['/mcp', '/sse'] as const)('finds the issuer, registers, signs its user in and calls tools over %s', async (path) => {
    const user = new User('alice');
    const client = await connect(path, user);
    expect(await client.callTool({ name: 'chat', arguments: { message: 'hello' } })).toMatchObject({ structuredContent: { answer: 'echo: "hello"' } });
    expect(decodeJwt(user.accessToken)).toMatchObject({ iss: provider.issuer, aud: `${edge.url}${path}`, sub: 'alice', scope: 'read run' });
    expect(worker.seen.at(-1)?.agent.tenant).toMatch(/^oauth-[0-9a-f]{32}$/);
    await client.close();
  });

  it('asks for more where a tool needs it, and has it', async () => {
    const user = new User('bob');
    const client = await connect('/mcp', user);
    expect((await client.listTools()).tools.length).toBe(TOOLS.size);
    await expect(client.callTool({ name: 'cleanup_inactive_agents', arguments: {} })).rejects.toThrow(UnauthorizedError);
    const again = new StreamableHTTPClientTransport(new URL(`${edge.url}/mcp`), { authProvider: user });
    await again.finishAuth(user.code ?? '');
    const wider = new Client({ name: 'oauth spec', version: '1' });
    await wider.connect(again);
    expect(decodeJwt(user.accessToken)).toMatchObject({ scope: 'read run admin' });
    expect(await wider.callTool({ name: 'cleanup_inactive_agents', arguments: {} })).toMatchObject({ structuredContent: { kept: 0 } });
    await Promise.all([client.close(), wider.close()]);
  });

  it('is its user’s tenant only, beside those of the tokens file', async () => {
    const users = [new User('carol'), new User('dave')];
    for (const user of users) await (await connect('/mcp', user)).close();
    const tenants: (string | undefined)[] = [];
    for (const token of [...users.map(({ accessToken }) => accessToken), 'from-the-file']) {
      expect((await edge.call('/tools/chat', { method: 'POST', headers: bearer(token), body: '{"message":"x"}' })).status).toBe(200);
      tenants.push(worker.seen.at(-1)?.agent.tenant);
    }
    expect(new Set(tenants).size).toBe(3);
    expect(tenants[2]).toBe('team');
  });
});

const listening = {
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'subscriptions/listen',
    params: { notifications: { resourceSubscriptions: ['x://y'] }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'x', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } },
  }),
};

describe('a token that ends', () => {
  it.each([
    ['GET /sse', '/sse', { method: 'GET', headers: {} }],
    ['subscriptions/listen', '/mcp', listening],
  ])('takes the streams with it that its client listens on by %s, but where the client has shown a later one', async (_, path, init) => {
    const issuer = new TokenIssuer();
    const key = await makeSigningKey('only');
    issuer.keys = [key];
    await issuer.start();
    const short = await startTestEdge(redisServer.url, { MCP_OAUTH_ISSUER: issuer.url, MCP_OAUTH_AUDIENCES: 'us' });
    const token = (sub: string, seconds: number) => issuer.sign({ aud: 'us', scope: 'read', sub, exp: nowS() + seconds }, key);
    const listen = async (sub: string, seconds: number) => {
      const stream = await fetch(`${short.url}${path}`, { ...init, headers: { ...init.headers, ...bearer(await token(sub, seconds)) } });
      expect({ status: stream.status, type: stream.headers.get('content-type') }).toEqual({ status: 200, type: expect.stringContaining('text/event-stream') });
      let isOver = false;
      const over = stream.text().then(
        () => (isOver = true),
        () => (isOver = true),
      );
      return { over, isOver: () => isOver };
    };
    const bobs = [await listen('bob', 600), await listen('bob', 2)];
    const alice = await listen('alice', 2);
    await alice.over;
    expect(bobs.map(({ isOver }) => isOver())).toEqual([false, false]);
    await short.close();
    await Promise.all(bobs.map(({ over }) => over));
    await issuer.goAway();
  });

  it('has to allow something here at all', async () => {
    const user = new User('erin');
    await (await connect('/mcp', user)).close();
    const issuer = new TokenIssuer();
    const key = await makeSigningKey('only');
    issuer.keys = [key];
    await issuer.start();
    const other = await startTestEdge(redisServer.url, { MCP_OAUTH_ISSUER: issuer.url, MCP_OAUTH_AUDIENCES: 'us' });
    expect(await other.call('/tools', { headers: bearer(await issuer.sign({ aud: 'us', scope: 'openid' }, key)) })).toMatchObject({ status: 403, json: { code: 'insufficient_scope' }, headers: { 'www-authenticate': expect.stringContaining('scope="read"') } });
    expect((await other.call('/tools', { headers: bearer(user.accessToken) })).status).toBe(401); // of another issuer
    await other.close();
    await issuer.goAway();
  });
});

describe('what clients look for', () => {
  it.each(['', '/mcp', '/sse'])('is at the well-known place of %s', async (path) => {
    expect(await edge.call(`/.well-known/oauth-protected-resource${path}`)).toMatchObject({
      status: 200,
      json: { resource: `${edge.url}${path}`, authorization_servers: [provider.issuer], scopes_supported: ['read', 'run', 'admin'], bearer_methods_supported: ['header'] },
    });
  });

  it.each([
    ['/mcp', '/mcp'],
    ['/sse', '/sse'],
    ['/tools', ''],
  ])('is named by a refusal of %s', async (path, resource) => {
    const challenge = (await edge.call(path)).headers['www-authenticate'];
    expect(challenge).toBe(`Bearer realm="codex-mcp", scope="read run", resource_metadata="${edge.url}/.well-known/oauth-protected-resource${resource}"`);
  });

  it('is not there without an issuer', async () => {
    const plain = await startTestEdge(redisServer.url);
    expect((await plain.call('/.well-known/oauth-protected-resource')).status).toBe(404);
    await plain.close();
  });
});
