import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { agentKey, LOCAL_TENANT } from '@codex-mcp/contracts';
import { AgentStore } from '@codex-mcp/messaging';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import { TurnLoad } from '../chaos/load/turn-load.js';
import { census, disagreements } from '../chaos/system/census.js';
import { ServiceSystem } from '../scorecard/system/service-system.js';
import { repositoryRoot } from '../stack/launched.process.js';
import { containerOf, containersOf, docker, volumesOf } from '../stack/agent-containers.js';

const AGREE = { timeoutMs: 30_000, intervalMs: 100 };
const TURN_MS = 60_000;

describeWithDocker('a supervisor that comes back', () => {
  let system: ServiceSystem;
  let load: TurnLoad;
  let name: string;
  let key: string;
  let count = 0;

  beforeAll(async () => {
    system = await ServiceSystem.start({ root: repositoryRoot, workers: 1 });
    load = new TurnLoad(system);
  });
  beforeEach(async () => {
    name = `agent-${++count}`;
    key = agentKey(LOCAL_TENANT, name);
    await run('echo kept > kept.txt');
  });
  afterEach(async () => {
    // What a test leaves must not be in the next one's lists.
    await killSupervisor();
    await system.redis.flushall();
    for (const { Id } of await containersOf(system.deployment)) await docker.getContainer(Id).remove({ force: true });
    for (const volume of await volumesOf(system.deployment)) await docker.getVolume(volume).remove();
    await comeBack();
    await agreeOn([]);
  });
  afterAll(() => system.stop());

  /** The agent's answer to a shell command. */
  async function run(shell: string): Promise<string> {
    const turn = await load.submit(name, [{ shell }]);
    await load.settled(TURN_MS, [turn]);
    return JSON.stringify((await system.turns.load(turn.turnId))?.terminal?.event);
  }

  async function killSupervisor(): Promise<void> {
    const { supervisor } = system;
    supervisor.signal('SIGKILL');
    await supervisor.exit();
  }

  async function comeBack(): Promise<void> {
    await system.alive(system.launch('supervisor').pid);
  }

  const agreeOn = (keys: string[]) => eventually(async () => expect(disagreements(await census(system), keys)).toEqual([]), AGREE);
  const records = () => new AgentStore(system.redis).listAll();

  it('finds its agents again when the registry is lost', async () => {
    await killSupervisor();
    await system.redis.flushall();
    await comeBack();
    await agreeOn([key]);
    expect(await records()).toMatchObject([{ agentId: name, tenant: LOCAL_TENANT, status: 'running', workspace: { kind: 'volume' } }]);
    expect(await run('cat kept.txt')).toContain('kept');
  });

  it('knows an agent from its volumes alone, and deletes none of them', async () => {
    await killSupervisor();
    await system.redis.flushall();
    await (await containerOf(system.deployment, name)).remove({ force: true });
    await comeBack();
    await eventually(async () => expect(await records()).toMatchObject([{ agentId: name, status: 'stopped' }]), AGREE);
    expect(await run('cat kept.txt')).toContain('kept');
    await agreeOn([key]);
  });

  it('finishes a removal that was cut short, also without a registry', async () => {
    await killSupervisor();
    await mkdir(join(system.runDir, 'removals'), { recursive: true });
    await writeFile(join(system.runDir, 'removals', `${key}.json`), JSON.stringify({ key, tenant: LOCAL_TENANT, agentId: name }));
    await (await containerOf(system.deployment, name)).remove({ force: true });
    await system.redis.flushall();
    await comeBack();
    await agreeOn([]);
    expect(await run('ls')).not.toContain('kept.txt');
  });

  it('ends a second container of an agent and leaves the first alone', async () => {
    await killSupervisor();
    const own = await containerOf(system.deployment, name);
    const { Config, HostConfig } = await own.inspect();
    const second = await docker.createContainer({ ...Config, HostConfig, name: `codex-mcp-${system.deployment}-second` });
    await second.start();
    expect(await containersOf(system.deployment)).toHaveLength(2);
    await comeBack();
    await agreeOn([key]);
    expect(await containersOf(system.deployment)).toMatchObject([{ Id: own.id, State: 'running' }]);
    expect(await run('cat kept.txt')).toContain('kept');
  });

  it('clears what a start left of an agent that never was', async () => {
    await killSupervisor();
    await mkdir(join(system.runDir, 'agents', agentKey(LOCAL_TENANT, 'never'), 'app-server'), { recursive: true });
    await comeBack();
    await agreeOn([key]);
  });

  it('keeps volumes of which nothing says whose they are, and says so', async () => {
    const stranger = `codex-mcp-${system.deployment}-0123456789abcdef-workspace`;
    await killSupervisor();
    await docker.createVolume({ Name: stranger });
    await comeBack();
    await eventually(() => expect(system.supervisor.output).toMatch(/"verdict":"unclaimed".*agent\.unsettled/));
    expect(await volumesOf(system.deployment)).toContain(stranger);
    expect(await records()).toMatchObject([{ agentId: name }]);
  });
});
