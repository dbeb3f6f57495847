import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createBareRepository, endServer, eventually, type FakeModel, type GitServer, listenOnLoopback, startFakeModel, startGitServer, temporaryDirectory } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import type { CleanUp } from '../../stack/clean-up.js';
import { prepareStack, type Stack } from '../../stack/stack.fixture.js';
import { type App, appOf, Canaries, type Canary, redisPassword, signingKey } from './canary.js';

type Delivery = { readonly headers: IncomingHttpHeaders; readonly body: string };

const PATIENCE = { timeoutMs: 60_000 };

/** `npm start` with a secret in each place that takes one, a git host and a receiver of approvals. */
export class CanaryStack {
  readonly canaries = new Canaries();
  readonly deliveries: Delivery[] = [];
  fake!: FakeModel;
  git!: GitServer;
  stack!: Stack;

  /** Ready to be started. `root`: where the product is built. `cleanUp` ends all. */
  static async prepare(root: string, cleanUp: CleanUp): Promise<CanaryStack> {
    const made = new CanaryStack();
    const directory = cleanUp.add(await temporaryDirectory('cms-'), (one) => one.remove());
    const env = { ...(await made.startOthers(directory.path, cleanUp)), ...(await made.writeSecrets(directory.path)) };
    made.stack = cleanUp.add(await prepareStack({ root, fake: made.fake, ownRedis: true, env }), (one) => one.stop());
    await made.signIn();
    return made;
  }

  /** Where the ChatGPT sign-in is. */
  get authFile(): string {
    return join(this.stack.dataDir, 'credentials', 'auth.json');
  }

  /** Of what `npm start` has started. */
  async pidOf(app: App): Promise<number> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    for (const pid of pids) {
      const [command, environment] = await Promise.all(['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')));
      if (appOf(command ?? '') === app && environment?.includes(`DATA_DIR=${this.stack.dataDir}\0`)) return Number(pid);
    }
    throw new Error(`no ${app} runs`);
  }

  /** The password of Redis, and the keys that services sign with. */
  async furtherSecrets(): Promise<Canary[]> {
    const directory = join(this.stack.dataDir, 'keys');
    const files = (await readdir(directory)).filter((name) => name.endsWith('.key'));
    const keys = await Promise.all(files.map(async (name) => signingKey(name, await readFile(join(directory, name), 'utf8'))));
    return [redisPassword(this.stack.redisFixture.password), ...keys];
  }

  /** Has Redis refuse the services' password for a while; resolves when all serve again. `redis` stays connected. */
  async refuseServices(redis: Redis): Promise<void> {
    const [, password = ''] = await redis.config('GET', 'requirepass');
    await redis.config('SET', 'requirepass', 'another');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => this.stack.output.includes('WRONGPASS'), PATIENCE);
    await redis.config('SET', 'requirepass', password);
    await eventually(async () => (await fetch(`${this.stack.url}/health`).catch(() => undefined))?.status === 200, PATIENCE);
  }

  private async startOthers(directory: string, cleanUp: CleanUp): Promise<Record<string, string>> {
    this.fake = cleanUp.add(await startFakeModel(), (fake) => fake.close());
    await createBareRepository(join(directory, 'project.git'), 'hello from the host\n');
    const authorization = `Basic ${Buffer.from(`ada:${this.canaries.gitPassword.value}`).toString('base64')}`;
    this.git = cleanUp.add(await startGitServer(directory, { authorization }), (server) => server.close());
    const receiver = cleanUp.add(createServer((request, response) => void this.receive(request).finally(() => response.writeHead(204).end())), endServer);
    return {
      GIT_HOSTS: this.git.host,
      APPROVAL_WEBHOOK_URL: `${await listenOnLoopback(receiver)}/hook`,
      CHATGPT_BASE_URL: `${this.fake.url}/backend-api/codex`,
      CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${this.fake.url}/oauth/token`,
    };
  }

  private async receive(request: IncomingMessage): Promise<void> {
    this.deliveries.push({ headers: request.headers, body: await text(request) });
  }

  private async signIn(): Promise<void> {
    const { accessToken, refreshToken, idToken } = this.canaries;
    const tokens = { id_token: idToken.value, access_token: accessToken.value, refresh_token: refreshToken.value, account_id: 'acc' };
    await mkdir(dirname(this.authFile), { recursive: true, mode: 0o700 });
    await writeFile(this.authFile, JSON.stringify({ auth_mode: 'chatgpt', tokens }), { mode: 0o600 });
  }

  private async writeSecrets(directory: string): Promise<Record<string, string>> {
    const { apiKey, clientToken, gitPassword, opsPassword, shellSecret, webhookSecret } = this.canaries;
    const file = async (name: string, content: string) => {
      await writeFile(join(directory, name), content, { mode: 0o600 });
      return join(directory, name);
    };
    return {
      OPENAI_API_KEY: apiKey.value,
      OPS_PASSWORD: opsPassword.value,
      AWS_SECRET_ACCESS_KEY: shellSecret.value,
      MCP_AUTH_TOKENS_FILE: await file('tokens', `${createHash('sha256').update(clientToken.value).digest('hex')} careful\n`),
      GIT_CREDENTIALS_FILE: await file('git', `http://ada:${gitPassword.value}@${this.git.host}\n`),
      APPROVAL_WEBHOOK_SECRET_FILE: await file('webhook', `${webhookSecret.value}\n`),
      LOG_LEVEL: 'trace',
      VERBOSE: 'true',
    };
  }
}
