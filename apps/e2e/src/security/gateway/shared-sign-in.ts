import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentIdentity } from '@codex-mcp/contracts';
import { temporaryDirectory } from '@codex-mcp/testing';
import type { CleanUp } from '../../stack/clean-up.js';
import { GatewayProcess } from './gateway.process.js';
import { RotatingIssuer } from './rotating-issuer.js';

/** One ChatGPT sign-in of an issuer of its own, and the gateways that have it. */
export class SharedSignIn {
  readonly issuer = new RotatingIssuer();

  private constructor(
    private readonly root: string,
    private readonly home: string,
    private readonly cleanUp: CleanUp,
  ) {}

  /** `root`: where the product is built. `cleanUp` ends all. */
  static async make(root: string, cleanUp: CleanUp): Promise<SharedSignIn> {
    const home = cleanUp.add(await temporaryDirectory('cmr-'), (one) => one.remove());
    const made = new SharedSignIn(root, home.path, cleanUp);
    await made.issuer.listen();
    cleanUp.add(made.issuer, (issuer) => issuer.close());
    const directory = join(home.path, 'data/credentials');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const tokens = { access_token: made.issuer.accessToken, refresh_token: made.issuer.refreshToken, account_id: 'acc' };
    await writeFile(join(directory, 'auth.json'), JSON.stringify({ auth_mode: 'chatgpt', tokens }), { mode: 0o600 });
    return made;
  }

  /** Resolves when it serves. Gateways of different names have sockets of their own. */
  async startGateway(name: string): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(this.root, join(this.home, name), {
      HOME: this.home,
      DATA_DIR: join(this.home, 'data'),
      CHATGPT_BASE_URL: this.issuer.url,
      CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${this.issuer.url}/oauth/token`,
    });
    this.cleanUp.add(gateway, async (one) => {
      one.kill();
      await one.ended();
    });
    await gateway.start();
    return gateway;
  }
}

export const registerAgents = (gateway: GatewayProcess, count: number): Promise<AgentIdentity[]> => Promise.all(Array.from({ length: count }, (_, index) => gateway.register(`agent-${index}`)));
