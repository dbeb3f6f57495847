import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { agentKey, LOCAL_TENANT } from '@codex-mcp/contracts';
import { AgentStore } from '@codex-mcp/messaging';
import { eventually } from '@codex-mcp/testing';
import { TurnLoad } from '../chaos/load/turn-load.js';
import { ServiceSystem } from '../scorecard/system/service-system.js';
import { repositoryRoot } from '../stack/launched.process.js';
import { agentProcesses, sweepAgentProcesses } from '../stack/agent-processes.js';

const TURN_MS = 60_000;

describe('a supervisor of processes that comes back', () => {
  let system: ServiceSystem;
  let load: TurnLoad;
  let name: string;
  let count = 0;

  beforeAll(async () => {
    system = await ServiceSystem.start({ root: repositoryRoot, workers: 1, env: { AGENT_RUNTIME: 'process' } });
    load = new TurnLoad(system);
  });
  beforeEach(async () => {
    name = `agent-${++count}`;
    expect(await run('echo kept > kept.txt')).toContain('completed');
  });
  afterAll(async () => {
    await sweepAgentProcesses(system.dataDir);
    await system.stop();
  });

  const key = () => agentKey(LOCAL_TENANT, name);
  const directory = () => join(system.dataDir, 'agents', key());
  const stateFile = () => join(directory(), 'agent.json');

  async function run(shell: string): Promise<string> {
    const turn = await load.submit(name, [{ shell }]);
    await load.settled(TURN_MS, [turn]);
    return JSON.stringify((await system.turns.load(turn.turnId))?.terminal?.event);
  }

  async function restartAfter(damage: () => Promise<unknown>): Promise<void> {
    const { supervisor } = system;
    supervisor.signal('SIGKILL');
    await supervisor.exit();
    await damage();
    await system.alive(system.launch('supervisor').pid);
  }

  const leaders = async () => {
    const all = await agentProcesses(system.dataDir);
    return all.filter(({ line }) => line.includes(`app-server`) && line.includes(key())).map(({ pid }) => pid);
  };

  it('finds its agents again when the registry is lost', async () => {
    await restartAfter(() => system.redis.flushall());
    await eventually(async () => expect(await new AgentStore(system.redis).listAll()).toMatchObject([{ agentId: name, status: 'running' }]));
    expect(await run('cat kept.txt')).toContain('kept');
  });

  it('ends a Codex whose start was cut short before its number was written down', async () => {
    const before = await leaders();
    const state = JSON.parse(await readFile(stateFile(), 'utf8')) as object;
    await restartAfter(() => writeFile(stateFile(), JSON.stringify({ ...state, pid: 0 })));
    await eventually(async () => expect((await leaders()).filter((pid) => before.includes(pid))).toEqual([]));
    expect(await run('cat kept.txt')).toContain('kept');
    expect(await leaders()).not.toEqual([]);
  });

  it('finishes a removal that was cut short', async () => {
    const removals = join(system.runDir, 'removals');
    await restartAfter(async () => {
      await mkdir(removals, { recursive: true });
      await writeFile(join(removals, `${key()}.json`), JSON.stringify({ key: key(), tenant: LOCAL_TENANT, agentId: name }));
      await rm(stateFile());
    });
    await eventually(async () => expect([await leaders(), await readdir(removals)]).toEqual([[], []]));
    await expect(readdir(directory())).rejects.toThrow('ENOENT');
    expect((await new AgentStore(system.redis).listAll()).map(({ agentId }) => agentId)).not.toContain(name);
  });
});
