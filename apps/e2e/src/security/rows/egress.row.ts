import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { agentKey, LOCAL_TENANT, runPaths } from '@codex-mcp/contracts';
import { eventually, temporaryDirectory } from '@codex-mcp/testing';
import type Docker from 'dockerode';
import { TurnLoad } from '../../chaos/load/turn-load.js';
import { ServiceSystem } from '../../scorecard/system/service-system.js';
import { containerOf, execIn } from '../../stack/agent-containers.js';
import { type Channel, CHANNELS, type Targets } from '../egress/channels.js';
import { Sinkhole } from '../egress/sinkhole.js';
import type { OwnRow, RowContext, RowOutcome } from './row.js';

const ROUNDS = 3;
const [INMATE, OTHER] = ['inmate', 'other'];
const WARM_UP_MS = 90_000;
const EVENT_MS = 20_000;
const GATEWAY = 'apps/gateway/dist';

/** An agent tries every way out that its container and its gateway could have, to a host that listens for all of them. */
export const egressRow: OwnRow = {
  number: 14,
  title: 'egress',
  mutation: { file: 'apps/supervisor/dist/runtime/docker/container-spec.js', find: "NetworkMode: 'none'", replace: "NetworkMode: 'bridge'" },
  alsoMutants: [
    { file: `${GATEWAY}/addresses/address-guard.js`, find: 'if (!addresses.every((one) => isPublic(one.address)))', replace: 'if (false)' },
    { file: `${GATEWAY}/egress/egress-proxy.service.js`, find: 'const rule = this.grants.find(agent.key, name);', replace: 'const rule = { name, address: host };' },
    { file: `${GATEWAY}/git/git-proxy.service.js`, find: "if (route.service === 'git-receive-pack' && !this.config.GIT_PUSH)", replace: 'if (false)' },
    { file: `${GATEWAY}/agents/socket-endpoint.js`, find: "this.server.on('clientError'", replace: "this.server.on('nothing'" },
  ],
  async run({ root, scaled, cleanUp }: RowContext): Promise<RowOutcome> {
    const sinkhole = cleanUp.add(await Sinkhole.start(), (one) => one.close());
    const allowed = cleanUp.add(await startAllowedHost(), ({ server }) => server.close());
    const audit = cleanUp.add(await temporaryDirectory(), (one) => one.remove());
    const env = { AUDIT_DIR: audit.path, EGRESS_ALLOW: `allowed.test:${allowed.port}=127.0.0.1,localhost:${sinkhole.port}`, GIT_HOSTS: `127.0.0.1:${sinkhole.port}` };
    const system = cleanUp.add(await ServiceSystem.start({ root, workers: 1, env }), (one) => one.stop());
    await wake(system);
    const inmate = await Inmate.in(system, sinkhole, `allowed.test:${allowed.port}`, audit.path);
    const failures = await inmate.mustReach(`http://allowed.test:${allowed.port}/`);
    const rounds = scaled(ROUNDS);
    for (let round = 0; round < rounds; round += 1) for (const channel of CHANNELS) failures.push(...(await inmate.attempt(channel)));
    failures.push(...unexpected(system), ...system.fallen);
    return { tried: `${CHANNELS.length} channels, ${rounds} times`, measured: `${inmate.events} attempts at the gateway, ${sinkhole.received.length} arrivals`, failures };
  },
};

/** What EGRESS_ALLOW names: that the way out works at all. */
async function startAllowedHost(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nSINKHOLE')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function wake(system: ServiceSystem): Promise<void> {
  const load = new TurnLoad(system);
  for (const name of [INMATE, OTHER]) await load.submit(name, [{ text: 'ready' }]);
  if (!(await load.settled(WARM_UP_MS))) throw new Error('the agents did not come up');
}

/** Of the model's service, agents reach one path. */
function unexpected({ fake }: ServiceSystem): string[] {
  const paths = new Set(fake.requests.map(({ path }) => path).filter((path) => path !== '/v1/responses'));
  return [...paths].map((path) => `the model's service was asked for ${path}`);
}

/** One agent, and what the gateway says of it. */
class Inmate {
  events = 0;

  private constructor(
    private readonly container: Docker.Container,
    private readonly sinkhole: Sinkhole,
    private readonly targets: Targets,
    private readonly auditDir: string,
  ) {}

  static async in(system: ServiceSystem, sinkhole: Sinkhole, allowed: string, auditDir: string): Promise<Inmate> {
    const { v4, v6 } = sinkhole.addresses;
    const targets: Targets = {
      HOSTS: v4.join(' '),
      HOSTS6: v6.map((address) => `[${address}]`).join(' '),
      HOST: v4[0] ?? '172.17.0.1',
      PORT: String(sinkhole.port),
      ABSTRACT: sinkhole.abstractName,
      OTHER: runPaths.agentGateway(system.runDir, agentKey(LOCAL_TENANT, OTHER)),
      ALLOWED: allowed,
    };
    return new Inmate(await containerOf(system.deployment, INMATE), sinkhole, targets, auditDir);
  }

  /** What is wrong where a way that is allowed leads nowhere. */
  async mustReach(url: string): Promise<string[]> {
    const output = await this.run(`curl -s -m 10 -x http://127.0.0.1:8080 -p ${url}`);
    const isTold = await eventually(async () => (await this.lines()).some((line) => line.includes('"end":"completed"') && line.includes('"host":"allowed.test"')), { timeoutMs: EVENT_MS }).catch(() => false);
    return output.includes('SINKHOLE') && isTold ? [] : [`the listed host was not reached (${output.trim()}), or there is no event of it`];
  }

  /** What is wrong after one attempt: something came through, arrived, or was not told of. */
  async attempt({ name, attempt, audited }: Channel): Promise<string[]> {
    const [arrived, before] = [this.sinkhole.received.length, (await this.lines()).length];
    const output = await this.run(`if (${attempt}) >/tmp/out 2>&1; then echo THROUGH; cat /tmp/out; fi`);
    const events = await this.logged(before + audited).then((lines) => lines.length - before, async () => (await this.lines()).length - before);
    this.events += events;
    const arrivals = this.sinkhole.received.slice(arrived);
    return [
      ...(output.includes('THROUGH') ? [`${name}: something came through (${output.slice(0, 200).trim()})`] : []),
      ...(arrivals.length > 0 ? [`${name}: ${arrivals.join(', ')}`] : []),
      ...(events < audited ? [`${name}: ${events} of ${audited} attempts left an event`] : []),
    ];
  }

  private async run(command: string): Promise<string> {
    const variables = Object.entries(this.targets).map(([key, value]) => `export ${key}='${value}'; `);
    return execIn(this.container, 'bash', '-c', `${variables.join('')}${command}`);
  }

  /** What the audit log says of the agent. */
  private async lines(): Promise<string[]> {
    const files = ['gateway.jsonl', 'gateway-refusals.jsonl'].map((file) => readFile(join(this.auditDir, file), 'utf8').catch(() => ''));
    return (await Promise.all(files)).join('').split('\n').filter((line) => line.includes(`"agentId":"${INMATE}"`) && /"action":"(egress\.connect|git\.request|model\.refused)"/.test(line));
  }

  private logged(count: number): Promise<string[]> {
    return eventually(async () => {
      const lines = await this.lines();
      if (lines.length < count) throw new Error(`${lines.length} of ${count} events`);
      return lines;
    }, { timeoutMs: EVENT_MS });
  }
}
