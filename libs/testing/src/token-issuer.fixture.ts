import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CryptoKey, JWK, JWTPayload } from 'jose';
import { endServer } from './loopback.fixture.js';

export const nowS = (): number => Math.floor(Date.now() / 1000);

export type SigningKey = { readonly kid: string; readonly alg: string; readonly privateKey: CryptoKey; readonly jwk: JWK };

export async function makeSigningKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { exportJWK, generateKeyPair } = await import('jose'); // most specs that use this library do without
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

/** An issuer of tokens of any content, which can go away and change its keys. */
export class TokenIssuer {
  keys: SigningKey[] = [];
  asked = 0;
  private server: Server | undefined;
  private port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      this.asked += 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(request.url === '/jwks' ? { keys: this.keys.map(({ jwk }) => jwk) } : { issuer: this.url, jwks_uri: `${this.url}/jwks` }));
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** A token of Alice's for a minute, but for what the claims say. */
  async sign(claims: JWTPayload, { kid, alg, privateKey }: SigningKey): Promise<string> {
    const { SignJWT } = await import('jose');
    return new SignJWT({ iss: this.url, sub: 'alice', exp: nowS() + 60, ...claims }).setProtectedHeader({ alg, kid }).sign(privateKey);
  }

  async goAway(): Promise<void> {
    if (this.server) await endServer(this.server);
    this.server = undefined;
  }
}
