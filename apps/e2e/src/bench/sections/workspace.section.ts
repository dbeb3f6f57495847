import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { docker } from '../../stack/agent-containers.js';
import { outputOf, runInAgent } from '../../stack/calls.js';
import { gitOfUser } from '../../workspace/host-repository.js';
import { makeLargeRepository } from '../../workspace/large-repository.js';
import { interleave } from '../interleave.js';
import { median, type Section } from '../result.js';
import type { System } from '../system.js';

const FILES = 10_000;
const CHANGED = 100;
const AGENTS = 20;
const MAX_READY_MS = 400;
const MAX_DIFF_MS = 100;
const MAX_DISK_RATIO = 1.3;

const CHECKOUT = 'plain checkout (git worktree add)';
const EMPTY = 'new agent, empty workspace';
const NEW = 'new agent, copy of the directory';
const PLAIN_DIFF = 'git add and git diff in a plain checkout';
const PLAIN_DISK = `its objects and ${AGENTS} plain checkouts`;

/** Changes the first line of files, and lists what that did. */
const CHANGE_FILES = `i=0; while [ $i -lt ${CHANGED} ]; do sed -i '1s/line/changed/' d$i/f$i.txt; i=$((i + 1)); done`;

/** How long copies of a large directory take, comparing them, and what they occupy. */
export async function measureWorkspaces(system: System): Promise<Section[]> {
  const directory = await makeLargeRepository(join(system.roots, 'large'), FILES);
  const client = await system.stack.httpClient('bench-workspace');
  return [await measureOpening(system, client, directory), await measureDiff(system, client, directory), ...(system.runtime === 'docker' ? [await measureDisk(system, client, directory)] : [])];
}

async function measureOpening({ roots, options }: System, client: Client, workspace: string): Promise<Section> {
  const open = (agentId: string, args: object = {}) => timed(() => outputOf(client, 'open_workspace', { agent_id: agentId, ...args }));
  const first = await open('bench-first', { workspace });
  const samples = await interleave(
    {
      checkout: (round) => timed(() => gitOfUser(workspace, 'worktree', 'add', '--quiet', '--detach', join(roots, `plain${round}`))),
      empty: (round) => open(`bench-empty${round}`),
      copy: (round) => open(`bench-copy${round}`, { workspace }),
    },
    { rounds: options.longRounds, warmUps: 1 },
  );
  const added = samples.copy.map((value, round) => value - (samples.empty[round] ?? 0));
  return {
    title: `Workspace of ${FILES} files, open_workspace to its answer`,
    unit: 'ms',
    rows: [
      { label: CHECKOUT, samples: samples.checkout },
      { label: 'first agent of the directory', samples: [first], comparedTo: [CHECKOUT] },
      { label: EMPTY, samples: samples.empty },
      { label: NEW, samples: samples.copy, comparedTo: [CHECKOUT, EMPTY] },
      { label: 'what the copy adds to a new agent', samples: added, comparedTo: [CHECKOUT] },
    ],
    checks: [
      { target: 'the workspace ready', limit: MAX_READY_MS, measured: median(added), unit: 'ms' },
      { target: 'with the start of its agent', limit: MAX_READY_MS, measured: median(samples.copy), unit: 'ms' },
    ],
  };
}

async function measureDiff({ roots, options }: System, client: Client, workspace: string): Promise<Section> {
  const plain = join(roots, 'plain0');
  await runInAgent(client, CHANGE_FILES, { agent_id: 'bench-first', workspace });
  await promisify(execFile)('sh', ['-c', CHANGE_FILES], { cwd: plain });
  let asked = 0;
  const diff = () => timed(() => outputOf(client, 'get_diff', { agent_id: 'bench-first', max_bytes: 1024 ** 2 + asked }));
  const samples = await interleave(
    {
      plain: () =>
        timed(async () => {
          await gitOfUser(plain, 'add', '--all');
          await gitOfUser(plain, 'diff', '--cached');
        }),
      tool: () => {
        asked += 1; // another question than before, so that nothing is known of its answer
        return diff();
      },
      again: diff,
    },
    options,
  );
  return {
    title: `Diff of ${CHANGED} changed files among ${FILES}`,
    unit: 'ms',
    rows: [
      { label: PLAIN_DIFF, samples: samples.plain },
      { label: 'get_diff over /mcp', samples: samples.tool, comparedTo: [PLAIN_DIFF] },
      { label: 'the same again, nothing changed', samples: samples.again, comparedTo: [PLAIN_DIFF] },
    ],
    checks: [{ target: 'get_diff', limit: MAX_DIFF_MS, measured: median(samples.tool), unit: 'ms' }],
  };
}

/** Bytes in files. Agents' volumes hold Codex's own files too. */
async function measureDisk({ stack, roots }: System, client: Client, workspace: string): Promise<Section> {
  const agents = Array.from({ length: AGENTS }, (_, at) => `bench-disk${at}`);
  for (const agent_id of agents) await outputOf(client, 'open_workspace', { agent_id, workspace });
  const keys = await Promise.all(agents.map((agentId) => keyOf(stack.deployment, agentId)));
  const { Volumes } = (await docker.df()) as { Volumes: { Name: string; UsageData: { Size: number } }[] };
  const volumes = Volumes.filter(({ Name }) => Name.startsWith(`codex-mcp-${stack.deployment}-`) && (Name.includes('-base-') || keys.some((key) => Name.includes(key))));
  const used = volumes.reduce((sum, { UsageData }) => sum + Math.max(0, UsageData.Size), 0) / 1e6;
  const [objects, checkout] = [await megabytes(join(workspace, '.git/objects')), await megabytes(join(roots, 'plain0'))];
  const plain = objects + AGENTS * checkout;
  return {
    title: `Disk of ${AGENTS} agents on one repository of ${FILES} files`,
    unit: 'MB',
    rows: [
      { label: PLAIN_DISK, samples: [plain] },
      { label: 'its objects and one plain checkout', samples: [objects + checkout] },
      { label: `volumes of ${AGENTS} agents and their base`, samples: [used], comparedTo: [PLAIN_DISK, 'its objects and one plain checkout'] },
    ],
    checks: [{ target: `volumes beside ${PLAIN_DISK}`, limit: MAX_DISK_RATIO, measured: used / plain, unit: '×' }],
  };
}

async function keyOf(deployment: string, agentId: string): Promise<string> {
  const [container] = await docker.listContainers({ all: true, filters: { label: [`codex-mcp.deployment=${deployment}`, `codex-mcp.agent-id=${agentId}`] } });
  return (container?.Labels['codex-mcp.agent-key'] ?? '?').slice(0, 16);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

const megabytes = async (directory: string): Promise<number> => Number.parseInt((await promisify(execFile)('du', ['-sb', directory])).stdout, 10) / 1e6;
