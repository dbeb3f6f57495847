import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fakeJwt } from '@codex-mcp/testing';
import { z } from 'zod';

/** How long the issuer takes: long enough for others to ask with the same token, where nothing keeps them from it. */
const ANSWER_MS = 300;

const RefreshBody = z.object({ grant_type: z.literal('refresh_token'), refresh_token: z.string() });

/**
 * An issuer and the model behind it, as strict as OpenAI's: one refresh token is good, once, and the model takes only
 * the access token that was issued last. Counts what must not happen.
 */
export class RotatingIssuer {
  refreshToken = 'rt-0';
  accessToken = fakeJwt();
  /** Requests for new tokens, granted or not. */
  asked = 0;
  /** Of these, those with a token that was used before. */
  reused = 0;
  /** Called when a token has been used and its successor not been sent yet: the worst moment for a crash. */
  onRotation: () => void = () => undefined;
  /** Refuses every refresh. */
  revoked = false;
  private readonly server: Server;
  private issued = 0;

  constructor() {
    this.server = createServer((request, response) => void this.answer(request, response).catch(() => response.destroy()));
  }

  async listen(): Promise<void> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
  }

  get url(): string {
    const { port } = z.object({ port: z.number() }).parse(this.server.address());
    return `http://127.0.0.1:${port}`;
  }

  /** From now on the model refuses the access token that everybody has. */
  expire(): void {
    this.accessToken = fakeJwt();
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    if (request.url === '/oauth/token') return this.refresh(RefreshBody.parse(JSON.parse(body)).refresh_token, response);
    const isGood = request.headers.authorization === `Bearer ${this.accessToken}`;
    send(response, isGood ? 200 : 401, isGood ? { answer: body } : { error: { code: 'token_expired' } });
  }

  private async refresh(token: string, response: ServerResponse): Promise<void> {
    this.asked += 1;
    if (token !== this.refreshToken || this.revoked) {
      if (token !== this.refreshToken) this.reused += 1;
      return send(response, 401, { error: { code: this.revoked ? 'refresh_token_invalidated' : 'refresh_token_reused' } });
    }
    this.refreshToken = `rt-${++this.issued}`;
    this.accessToken = fakeJwt();
    this.onRotation();
    await delay(ANSWER_MS);
    send(response, 200, { access_token: this.accessToken, refresh_token: this.refreshToken, id_token: fakeJwt() });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
