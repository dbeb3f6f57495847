import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AgentIdentity } from '@codex-mcp/contracts';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { copyBuiltTree } from '../chaos/mutants/built-tree.js';
import { type Answer, GatewayProcess } from './gateway.process.js';
import { RotatingIssuer } from './rotating-issuer.js';

const ROOT = resolve(import.meta.dirname, '../../../..');
const AGENTS = 20;
const EXPIRIES = 5;
const PATIENCE = { timeoutMs: 60_000 };

/** The refresh inside the gateway, so that it dies with it. */
const REFRESH_IN_THE_GATEWAY = {
  file: 'apps/gateway/dist/refresh/refresh.process.js',
  find: 'export async function refreshInProcess(request) {',
  replace: "import { refreshAuthFile } from './refresh-auth-file.js';\nexport async function refreshInProcess(request) {\n    return refreshAuthFile(request);",
};

let home: TemporaryDirectory;
let issuer: RotatingIssuer;
let gateways: GatewayProcess[];

beforeEach(async () => {
  home = await temporaryDirectory('cmr-');
  issuer = new RotatingIssuer();
  await issuer.listen();
  gateways = [];
  const directory = join(home.path, 'data/credentials');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const tokens = { access_token: issuer.accessToken, refresh_token: issuer.refreshToken, account_id: 'acc' };
  await writeFile(join(directory, 'auth.json'), JSON.stringify({ auth_mode: 'chatgpt', tokens }), { mode: 0o600 });
});
afterEach(async () => {
  for (const gateway of gateways) gateway.kill();
  await Promise.all(gateways.map((gateway) => gateway.ended()));
  issuer.close();
  await home.remove();
});

async function startGateway(name = 'run', tree = ROOT): Promise<GatewayProcess> {
  const gateway = new GatewayProcess(tree, join(home.path, name), {
    HOME: home.path,
    DATA_DIR: join(home.path, 'data'),
    CHATGPT_BASE_URL: issuer.url,
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${issuer.url}/oauth/token`,
  });
  gateways.push(gateway);
  await gateway.start();
  return gateway;
}

const agentsOf = (gateway: GatewayProcess): Promise<AgentIdentity[]> => Promise.all(Array.from({ length: AGENTS }, (_, index) => gateway.register(`agent-${index}`)));

/** Agents that ask one thing after the other; like Codex, each repeats what broke off, and takes any answer for one. */
class Storm {
  readonly answers: Answer[] = [];
  private readonly done: number[] = Array.from({ length: AGENTS }, () => 0);
  private isOver = false;
  private readonly running: Promise<void>[];

  constructor(gateway: GatewayProcess, agents: AgentIdentity[]) {
    this.running = agents.map((agent, index) => this.askOn(gateway, agent, index));
  }

  /** Resolves when every agent has had another answer, `until` or not. */
  async everyAgentGoesOn(until: () => boolean): Promise<void> {
    const before = [...this.done];
    await eventually(() => until() || this.done.every((count, index) => count > (before[index] ?? 0) + 1), PATIENCE);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.running);
  }

  private async askOn(gateway: GatewayProcess, agent: AgentIdentity, index: number): Promise<void> {
    for (let question = 0; !this.isOver; question += 1) {
      this.answers.push(await this.askUntilAnswered(gateway, agent, `${agent.agentId} ${question}`));
      this.done[index] = question + 1;
    }
  }

  private async askUntilAnswered(gateway: GatewayProcess, agent: AgentIdentity, body: string): Promise<Answer> {
    for (;;) {
      const answer = await gateway.ask(agent, body).catch(() => undefined);
      if (answer) return answer;
      await delay(20);
    }
  }
}

/** Five times: everybody's token ends, and the gateway is killed when the issuer has used up the refresh token. */
async function stormThroughKills(tree: string): Promise<Storm> {
  const gateway = await startGateway('run', tree);
  const storm = new Storm(gateway, await agentsOf(gateway));
  for (let round = 0; round < EXPIRIES && issuer.reused === 0; round += 1) {
    await storm.everyAgentGoesOn(() => false);
    const killed = new Promise<void>((done) => {
      issuer.onRotation = () => {
        issuer.onRotation = () => undefined;
        gateway.kill();
        done();
      };
    });
    issuer.expire();
    await killed;
    await gateway.ended();
    await gateway.start();
    await storm.everyAgentGoesOn(() => issuer.reused > 0);
  }
  await storm.end();
  return storm;
}

describe('a sign-in that many use', () => {
  it('outlasts expiries and kills of the gateway: no refresh token is used twice, every request is answered', async () => {
    const { answers } = await stormThroughKills(ROOT);
    expect({ reused: issuer.reused, asked: issuer.asked }).toEqual({ reused: 0, asked: EXPIRIES });
    expect(answers.length).toBeGreaterThan(AGENTS * EXPIRIES);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(gateways[0]?.output).not.toMatch(/rt-\d|eyJ/);
  }, 300_000);

  it('would not, if the gateway refreshed in itself', async () => {
    await using tree = await copyBuiltTree(ROOT, [REFRESH_IN_THE_GATEWAY]);
    await stormThroughKills(tree.path);
    expect(issuer.reused).toBeGreaterThan(0);
  }, 300_000);

  it('is refreshed once for all gateways that have it', async () => {
    const several = await Promise.all(['run-a', 'run-b', 'run-c'].map((name) => startGateway(name)));
    const agents = await Promise.all(several.map((gateway) => gateway.register('a')));
    for (let round = 1; round <= EXPIRIES; round += 1) {
      issuer.expire();
      const answers = await Promise.all(several.flatMap((gateway, index) => [1, 2, 3].map(() => gateway.ask(agents[index] as AgentIdentity, 'hi'))));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect({ reused: issuer.reused, asked: issuer.asked }).toEqual({ reused: 0, asked: round });
    }
  }, 120_000);
});

describe('a sign-in that its issuer has ended', () => {
  it('is one clear state for all, and no reason to ask again, also after a restart', async () => {
    const gateway = await startGateway();
    const agents = await agentsOf(gateway);
    issuer.revoked = true;
    issuer.expire();
    const askAll = () => Promise.all(agents.map((agent) => gateway.ask(agent, 'hi')));
    const isClear = ({ status, body }: Answer) => status === 400 && /"codex_mcp_not_signed_in"/.test(body) && /refresh_token_invalidated.*npm run auth -- login/.test(body);
    expect((await askAll()).filter((answer) => !isClear(answer))).toEqual([]);
    expect((await askAll()).filter((answer) => !isClear(answer))).toEqual([]);
    expect(issuer.asked).toBe(1);
    gateway.kill();
    await gateway.ended();
    await gateway.start();
    expect((await askAll()).filter((answer) => !isClear(answer))).toEqual([]);
    expect(JSON.parse((await gateway.health()).body)).toMatchObject({ signIn: { method: 'none', problem: expect.stringContaining('npm run auth -- login') } });
    expect(issuer.asked).toBe(1);
  }, 120_000);
});
