import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { locateCodex, renderAgentConfig } from '@codex-mcp/codex';
import { AppError, NO_EGRESS, runPaths, type AgentIdentity, type AgentUsage } from '@codex-mcp/contracts';
import type { GatewayClient } from '../../gateway/gateway.client.js';
import { type AgentRuntime, type AgentSpec, type AppServerSocket, type KnownAgent, type Remains, type RunningAgent, sameWorkspace } from '../agent-runtime.port.js';
import { openAppServerSocket, waitForAppServer } from '../app-server.socket.js';
import { agentGroups } from './agent-groups.js';
import { type AgentState, readState, writeState } from './process-state.js';

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 3000;
const AGENT_KEY = /^[0-9a-f]{32}$/;

export type ProcessRuntimeOptions = { runDir: string; dataDir: string; model: string; path: string };

/** Agents as child processes with directories of their own, held in by Codex's own sandbox only. */
export class ProcessRuntime implements AgentRuntime {
  readonly name = 'process';
  private readonly uid = process.getuid?.() ?? 0;

  constructor(
    private readonly gateway: GatewayClient,
    private readonly options: ProcessRuntimeOptions,
  ) {}

  async check(): Promise<void> {
    try {
      locateCodex();
    } catch (error) {
      throw new AppError('engine_unavailable', error instanceof Error ? error.message : String(error));
    }
  }

  async ensure(spec: AgentSpec): Promise<RunningAgent> {
    const { baseUrl } = await this.gateway.register({ agent: spec.agent, transport: 'tcp' });
    const before = await readState(this.directory(spec.agent));
    // One that answers under another number was started just before its supervisor was killed: nobody knows how to end it.
    const alive = before !== undefined && signalGroup(before.pid, 0) && (await this.answers(spec.agent));
    if (alive && sameWorkspace(before.workspace, spec.workspace) && before.baseUrl === baseUrl) return this.running(spec, before);
    if (before) await this.stop(spec.agent);
    const createdAt = before?.createdAt ?? Date.now();
    // First of all the directory says whose it is.
    writeState(await this.ownDirectory(spec.agent), { ...spec, pid: 0, baseUrl, createdAt });
    const state = await this.start(spec, baseUrl, createdAt);
    return this.running(spec, state);
  }

  async list(): Promise<KnownAgent[]> {
    const names = await this.directories();
    const states = await Promise.all(names.map((name) => readState(join(this.options.dataDir, 'agents', name))));
    const found = states.filter((state) => state !== undefined);
    return Promise.all(found.map(async ({ agent, workspace, pid, createdAt }) => ({ spec: { agent, workspace }, running: await this.answers(agent), runtimeId: String(pid), createdAt })));
  }

  async survey(): Promise<Remains[]> {
    const [names, known, groups] = await Promise.all([this.directories(), this.list(), agentGroups(this.options.runDir)]);
    return [...new Set([...names, ...groups.keys()])].map((key) => {
      const own = known.find(({ spec }) => spec.agent.key === key);
      const doubles = (groups.get(key) ?? []).map(String).filter((group) => group !== own?.runtimeId);
      return { key, spec: own?.spec, known: own, hasFiles: names.includes(key), createdAt: own?.createdAt ?? Date.now(), doubles };
    });
  }

  async endDouble(id: string): Promise<void> {
    signalGroup(Number(id), 'SIGKILL');
  }

  async socketOf(agent: AgentIdentity): Promise<AppServerSocket> {
    const requested = this.requestedSocket(agent);
    // Codex puts its socket here and a link at the path it was asked for; TMPDIR makes no difference to it.
    return { path: `/tmp/codex-daemon-${this.uid}/${createHash('sha256').update(requested).digest('hex')}`, uid: this.uid };
  }

  async stop(agent: AgentIdentity): Promise<boolean> {
    const state = await readState(this.directory(agent));
    const found = (await agentGroups(this.options.runDir)).get(agent.key) ?? [];
    const groups = [...new Set([...found, ...(state && (await this.answers(agent)) ? [state.pid] : [])])];
    if (groups.length === 0) return false;
    const target = await this.socketOf(agent);
    // The first SIGTERM only begins to drain, the second ends it.
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
      if (groups.filter((group) => signalGroup(group, signal)).length === 0) break;
      if (await this.endedWithin(target, STOP_TIMEOUT_MS / 3)) break;
    }
    await rm(target.path, { force: true });
    return true;
  }

  async remove(agent: AgentIdentity): Promise<boolean> {
    const known = (await readState(this.directory(agent))) !== undefined;
    await this.stop(agent);
    await this.gateway.unregister(agent);
    await rm(this.directory(agent), { recursive: true, force: true });
    await rm(runPaths.agent(this.options.runDir, agent.key), { recursive: true, force: true });
    return known;
  }

  async diskUsage(): Promise<undefined> {
    return undefined;
  }

  async freeDiskBytes(): Promise<undefined> {
    return undefined;
  }

  async usage(): Promise<AgentUsage> {
    return {};
  }

  async tidy(): Promise<void> {
    // Nothing is kept.
  }

  /** Keys of the agents that have files. Rejects where the directory is there and cannot be read. */
  private async directories(): Promise<string[]> {
    const names = await readdir(join(this.options.dataDir, 'agents')).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? [] : Promise.reject(error)));
    return names.filter((name) => AGENT_KEY.test(name));
  }

  private directory(agent: AgentIdentity): string {
    return join(this.options.dataDir, 'agents', agent.key);
  }

  private async ownDirectory(agent: AgentIdentity): Promise<string> {
    const directory = this.directory(agent);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return directory;
  }

  private requestedSocket(agent: AgentIdentity): string {
    return join(runPaths.agentAppServer(this.options.runDir, agent.key), 'app-server.sock');
  }

  private workspaceOf(spec: AgentSpec): string {
    const { workspace } = spec;
    if (workspace.kind === 'host') return workspace.path;
    const copy = workspace.kind === 'isolated' ? `copies/${createHash('sha256').update(workspace.path).digest('hex').slice(0, 12)}` : 'workspace';
    return join(this.directory(spec.agent), copy);
  }

  private running(spec: AgentSpec, state: AgentState): RunningAgent {
    const stateDir = join(this.directory(spec.agent), 'state');
    return { runtimeId: String(state.pid), workspace: spec.workspace, cwd: this.workspaceOf(spec), source: spec.workspace.kind === 'isolated' ? spec.workspace.path : undefined, stateDir, codexHome: join(this.directory(spec.agent), 'codex-home'), sandbox: 'codex', readOnlyTurns: 'enforced', gitHosts: [], egress: NO_EGRESS, createdAt: state.createdAt };
  }

  private async answers(agent: AgentIdentity): Promise<boolean> {
    try {
      (await openAppServerSocket(await this.socketOf(agent))).destroy();
      return true;
    } catch {
      return false;
    }
  }

  private async start(spec: AgentSpec, baseUrl: string, createdAt: number): Promise<AgentState> {
    const cwd = await this.prepareFiles(spec, baseUrl);
    const log = await open(join(this.directory(spec.agent), 'codex.log'), 'w', 0o600);
    const child = spawn(locateCodex().codex, ['app-server', '--strict-config', '--listen', `unix://${this.requestedSocket(spec.agent)}`], {
      cwd,
      detached: true, // survives a restart of the supervisor, and Ctrl-C in its terminal
      stdio: ['ignore', log.fd, log.fd],
      env: this.environment(spec.agent),
    });
    try {
      await once(child, 'spawn');
    } finally {
      await log.close();
    }
    child.unref();
    const state: AgentState = { agent: spec.agent, workspace: spec.workspace, pid: child.pid ?? 0, baseUrl, createdAt };
    writeState(this.directory(spec.agent), state);
    await waitForAppServer(await this.socketOf(spec.agent), START_TIMEOUT_MS, async () => {
      if (child.exitCode !== null) throw new AppError('agent_start_failed', `Codex ended with code ${child.exitCode}; see ${join(this.directory(spec.agent), 'codex.log')}.`);
    });
    return state;
  }

  /** Nothing of the server's own environment but what a shell needs. */
  private environment(agent: AgentIdentity): Record<string, string> {
    return { PATH: this.options.path, HOME: join(this.directory(agent), 'home'), CODEX_HOME: join(this.directory(agent), 'codex-home'), LANG: 'C.UTF-8' };
  }

  private async prepareFiles(spec: AgentSpec, baseUrl: string): Promise<string> {
    const directory = this.directory(spec.agent);
    const cwd = this.workspaceOf(spec);
    for (const name of ['home', 'codex-home', 'state']) await mkdir(join(directory, name), { recursive: true, mode: 0o700 });
    await mkdir(runPaths.agentAppServer(this.options.runDir, spec.agent.key), { recursive: true, mode: 0o700 });
    await rm((await this.socketOf(spec.agent)).path, { force: true });
    if (spec.workspace.kind === 'volume') await createRepository(cwd);
    if (spec.workspace.kind === 'isolated') await mkdir(cwd, { recursive: true, mode: 0o700 });
    const config = join(directory, 'codex-home', 'config.toml');
    await rm(config, { force: true });
    await writeFile(config, renderAgentConfig({ model: this.options.model, baseUrl, untrusted: [cwd] }), { mode: 0o444 });
    return cwd;
  }

  private async endedWithin(target: AppServerSocket, timeoutMs: number): Promise<boolean> {
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 20))) {
      try {
        (await openAppServerSocket(target)).destroy();
      } catch {
        return true;
      }
    }
    return false;
  }
}

/** False when there is no such process group any more; 0 asks only that. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (pid <= 1) return false; // to the system these are our own group, and everybody
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

async function createRepository(cwd: string): Promise<void> {
  await mkdir(cwd, { recursive: true, mode: 0o700 });
  const names = await readdir(cwd);
  if (names.includes('.git')) return;
  const author = ['-c', 'user.name=Codex agent', '-c', 'user.email=agent@codex-mcp.invalid'];
  for (const args of [['init', '-q', '-b', 'main'], [...author, 'commit', '-q', '--allow-empty', '-m', 'Start of the workspace']]) {
    const git = spawn('git', args, { cwd, stdio: 'ignore' });
    await once(git, 'exit');
  }
}

