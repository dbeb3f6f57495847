import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory, type TemporaryDirectory } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEdgeConfig } from './edge.config.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const REDIS_URL = 'redis://127.0.0.1:1';

describe('readEdgeConfig', () => {
  let directory: TemporaryDirectory;
  const tokensFile = (content: string): string => {
    const path = join(directory.path, `tokens-${sha256(content)}`);
    writeFileSync(path, content);
    return path;
  };
  beforeAll(async () => {
    directory = await temporaryDirectory();
  });
  afterAll(() => directory.remove());

  it('listens on 127.0.0.1:8210 for this machine by default', () => {
    expect(readEdgeConfig({ REDIS_URL })).toMatchObject({ PORT: 8210, BIND: '127.0.0.1', isLocalOnly: true, accessTokens: undefined });
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'myhost', '127.0.0.1.evil.test'])('refuses to open %s to the network without tokens and says what to set', (BIND) => {
    expect(() => readEdgeConfig({ REDIS_URL, BIND })).toThrow(/Set MCP_AUTH_TOKENS_FILE.*BIND_PUBLISHED_ON_LOOPBACK=true/);
  });

  it('opens to the network with tokens, or where the port is published on loopback', () => {
    expect(readEdgeConfig({ REDIS_URL, BIND: '0.0.0.0', MCP_AUTH_TOKENS_FILE: tokensFile(`${sha256('t')} team`) }).isLocalOnly).toBe(false);
    expect(readEdgeConfig({ REDIS_URL, BIND: '0.0.0.0', BIND_PUBLISHED_ON_LOOPBACK: 'true' }).isLocalOnly).toBe(true);
  });

  it('opens to the network with an OAuth issuer, and answers under the address that its clients know', () => {
    const config = readEdgeConfig({ REDIS_URL, BIND: '0.0.0.0', MCP_OAUTH_ISSUER: 'https://id.example.org/realm', MCP_PUBLIC_URL: 'https://codex.example.org/' });
    expect(config).toMatchObject({ isLocalOnly: false, ALLOWED_HOSTS: ['codex.example.org'] });
    const audiences = ['https://codex.example.org', 'https://codex.example.org/mcp', 'https://codex.example.org/sse', 'https://codex.example.org/'];
    expect(config.oauth).toEqual({ issuer: 'https://id.example.org/realm', publicUrl: 'https://codex.example.org', audiences, algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'], tenantClaim: 'sub' });
    expect(readEdgeConfig({ REDIS_URL, MCP_OAUTH_ISSUER: 'https://id.example.org', MCP_OAUTH_AUDIENCES: 'api://Codex, two' }).oauth).toMatchObject({ publicUrl: 'http://localhost:8210', audiences: ['api://Codex', 'two'] });
    expect(readEdgeConfig({ REDIS_URL, MCP_PUBLIC_URL: 'nonsense' }).oauth).toBeUndefined();
  });

  it.each([
    [{ MCP_OAUTH_ISSUER: 'http://id.example.org' }, /MCP_OAUTH_ISSUER must be the https URL/],
    [{ MCP_OAUTH_ISSUER: 'id.example.org' }, /MCP_OAUTH_ISSUER/],
    [{ MCP_OAUTH_ISSUER: 'https://id.example.org', MCP_PUBLIC_URL: 'https://codex.example.org/path' }, /MCP_PUBLIC_URL/],
    [{ MCP_OAUTH_ISSUER: 'https://id.example.org', MCP_OAUTH_ALGORITHMS: 'RS256,HS256' }, /MCP_OAUTH_ALGORITHMS/],
    [{ MCP_OAUTH_ISSUER: 'https://id.example.org', MCP_OAUTH_ALGORITHMS: 'none' }, /MCP_OAUTH_ALGORITHMS/],
  ])('refuses %j', (env, message) => {
    expect(() => readEdgeConfig({ REDIS_URL, ...env })).toThrow(message);
  });

  it('knows tokens by their hashes, with comments and blank lines between them', () => {
    const config = readEdgeConfig({ REDIS_URL, MCP_AUTH_TOKENS_FILE: tokensFile(`# ours\n\n${sha256('one')} team-a # laptop\r\n${sha256('two')}\tteam-b\n`) });
    expect(config.accessTokens?.find('one')).toMatchObject({ tenant: 'team-a', scopes: ['read', 'run'] });
    expect(config.accessTokens?.find('two')).toMatchObject({ tenant: 'team-b' });
    expect(config.accessTokens?.find('three')).toBeUndefined();
    expect(config.accessTokens?.find(sha256('one'))).toBeUndefined();
  });

  it.each([
    ['a token that is not hashed', 'secret-token team', /line 1 .*npm run auth -- token/],
    ['a line without a tenant', `# fine\n${sha256('one')}`, /line 2/],
    ['a scope that there is not', `${sha256('one')} team scopes=write`, /line 1/],
    ['no token at all', '# nothing here', /holds no token/],
    ['nothing in it', ' \n', /is empty/],
  ])('refuses a tokens file with %s, without echoing it', (_, content, message) => {
    const read = () => readEdgeConfig({ REDIS_URL, MCP_AUTH_TOKENS_FILE: tokensFile(content) });
    expect(read).toThrow(message);
    expect(read).not.toThrow(/secret-token/);
  });

  it('names a tokens file that cannot be read', () => {
    expect(() => readEdgeConfig({ REDIS_URL, MCP_AUTH_TOKENS_FILE: '/nowhere/tokens' })).toThrow(/MCP_AUTH_TOKENS_FILE \/nowhere\/tokens/);
  });
});
