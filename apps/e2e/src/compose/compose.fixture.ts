import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { eventually, type FakeModel, freePort, startFakeModel, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { z } from 'zod';
import { docker, execIn } from '../stack/agent-containers.js';
import { sweepDeployment } from '../stack/deployment-sweep.js';
import { McpClients } from '../stack/mcp-clients.js';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../../..');
const startTimeoutMs = 90_000;
const SECRETS = '/var/lib/codex-mcp/secrets';

/** `docker-compose` 1.29 or `docker compose`, whichever is installed; the compose file suits both. */
export function composeCommand(): string[] | undefined {
  const known = [['docker-compose'], ['docker', 'compose']];
  return known.find(([command = '', ...args]) => spawnSync(command, [...args, 'version'], { stdio: 'ignore' }).status === 0);
}

/** The compose file's services from images built here, with a fake model on the engine's bridge. */
export class ComposeStack {
  readonly clients: McpClients;
  private readonly project: string;

  private constructor(
    readonly fake: FakeModel,
    readonly port: number,
    readonly deployment: string,
    private readonly directory: TemporaryDirectory,
  ) {
    this.project = deployment;
    this.clients = new McpClients(`http://127.0.0.1:${port}`);
  }

  static async prepare(): Promise<ComposeStack> {
    await run(process.execPath, ['tools/images/build.js', 'agent', 'service'], { cwd: root, maxBuffer: 16 * 1024 * 1024 });
    const fake = await startFakeModel({ host: await engineAddress() });
    const directory = await temporaryDirectory('cmc-');
    for (const name of ['auth', 'credentials']) await mkdir(join(directory.path, name));
    return new ComposeStack(fake, await freePort(), `e2e-${randomBytes(4).toString('hex')}`, directory);
  }

  /** `docker-compose --profile codex-mcp <args>`, as the README has it. */
  async compose(...args: string[]): Promise<string> {
    const [command = '', ...before] = composeCommand() ?? [];
    const { stdout } = await run(command, [...before, '-p', this.project, '--profile', 'codex-mcp', ...args], { cwd: root, env: this.environment, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  }

  async up(workers: number): Promise<void> {
    await this.compose('up', '-d', '--scale', `worker=${workers}`);
    await eventually(async () => (await fetch(`http://127.0.0.1:${this.port}/health`)).status === 200, { timeoutMs: startTimeoutMs });
  }

  async stop(): Promise<void> {
    await this.clients.closeAll();
    await this.compose('down', '-v').catch(() => undefined);
    await sweepDeployment(this.deployment);
    await this.fake.close();
    await this.directory.remove();
  }

  /** Runs a command in a container of a service, as that service's user. */
  async exec(service: string, ...command: string[]): Promise<string> {
    const [found] = await docker.listContainers({ filters: { label: [`com.docker.compose.project=${this.project}`, `com.docker.compose.service=${service}`] } });
    if (!found) throw new Error(`no container of ${service} runs`);
    return execIn(docker.getContainer(found.Id), ...command);
  }

  /** What a service's own user of Redis is answered. */
  redisAs(service: string, ...command: string[]): Promise<string> {
    return this.exec(service, 'sh', '-c', `REDISCLI_AUTH=$(cat ${SECRETS}/${service}/redis-password) redis-cli -h redis --user ${service} "$@"`, 'sh', ...command);
  }

  /** What Redis has refused its users since it was started, as JSON. */
  async refusals(): Promise<unknown> {
    return JSON.parse(await this.exec('redis', 'codex-mcp-redis', 'cli', '--json', 'ACL', 'LOG'));
  }

  /** The files of secrets that a service can see, below the directory of all of them. */
  async secretsOf(service: string): Promise<string[]> {
    return (await this.exec(service, 'find', SECRETS, '-type', 'f', '-printf', '%P\\n')).split(/\s+/).filter(Boolean).toSorted();
  }

  /** As a deployment is that was made before there were secrets. */
  async removeSecrets(): Promise<void> {
    const names = ['redis', 'edge', 'worker', 'supervisor', 'gateway'];
    await Promise.all(names.map((name) => docker.getVolume(`${this.project}_secrets-${name}`).remove()));
  }

  /** The directory of codex-mcp's own sign-in, which the gateway has mounted. */
  get credentialsDirectory(): string {
    return join(this.directory.path, 'credentials');
  }

  private get environment(): Record<string, string | undefined> {
    const { PATH, DOCKER_HOST } = process.env;
    return {
      PATH,
      DOCKER_HOST,
      HOME: this.directory.path,
      CREDENTIALS_DIR: this.credentialsDirectory,
      CODEX_AUTH_DIR: join(this.directory.path, 'auth'),
      EDGE_CONTAINER_NAME: `${this.deployment}-edge`,
      PORT: String(this.port),
      DEPLOYMENT: this.deployment,
      OPENAI_API_KEY: 'sk-fake-of-compose',
      OPENAI_BASE_URL: this.fake.baseUrl,
    };
  }
}

const Network = z.object({ IPAM: z.object({ Config: z.tuple([z.object({ Subnet: z.string(), Gateway: z.string().optional() })], z.unknown()) }) });

/** Where containers reach this machine: the engine's own address in its default network, the first of the subnet unless it says otherwise. */
async function engineAddress(): Promise<string> {
  const [{ Subnet, Gateway }] = Network.parse(await docker.getNetwork('bridge').inspect()).IPAM.Config;
  return Gateway ?? Subnet.replace(/\.0\/\d+$/, '.1');
}
