import { isDeepStrictEqual } from 'node:util';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Step } from '@codex-mcp/testing';
import { attemptsScript, PATCHES } from '../../isolation/write-attempts.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { containerOf, execIn } from '../../stack/agent-containers.js';
import { directive } from '../../stack/calls.js';
import { fingerprintOf } from '../../workspace/file-tree.js';
import { makeHostileRepository, MARKER } from '../hostile/repository.js';
import type { RowOutcome, SystemRow } from './row.js';

type Arguments = Record<string, unknown>;
type Mode = 'direct' | 'isolated';

const MODES: readonly Mode[] = ['direct', 'isolated'];
/** In the directory itself, a commit is one of its repository, whose filters decide what becomes of the content, as Git LFS does; they run in the agent. */
const OF_COMMIT = ['clean'];
const PLACES = ['/workspace', '/codex-home', '/codex-home/home', '/tmp'];

/** Each turn tool, given what the model is to do; those that may only read are tried with all that could change something. */
const READING: Readonly<Record<string, (order: string) => Arguments>> = {
  plan: (order) => ({ task: order }),
  review: (order) => ({ content: 'uncommitted', rubric: order }),
  audit: (order) => ({ code: order, file_paths: ['a.txt'] }),
  debug: (order) => ({ error_message: order }),
  chat: (order) => ({ message: order, reference_files: ['a.txt'] }),
};
const WRITING: Readonly<Record<string, (order: string) => Arguments>> = {
  implement: (order) => ({ task: order, target_files: ['made.txt'], context_files: ['a.txt'] }),
  fix: (order) => ({ symptoms: order }),
  chat: (order) => ({ message: order, write: true }),
};
const ON_THE_WORKSPACE: readonly [tool: string, args: Arguments][] = [
  ['checkpoint', { name: 'before' }],
  ['get_diff', {}],
  ['read_file', { path: 'a.txt' }],
  ['list_files', {}],
  ['search', { query: 'more' }],
  ['put_files', { files: [{ path: 'put.txt', content: 'put\n' }] }],
  ['export_patch', { message: 'm' }],
  ['restore', { name: 'before' }],
  ['new_thread', {}],
];

/** A repository that would start programs wherever it is let: none runs, and tools that may only read leave every byte as it is. */
export const hostileRepositoryRow: SystemRow = {
  number: 17,
  title: 'hostile repository',
  system: {
    workers: 1,
    edges: 1,
    furnish: async (directory) => {
      await mkdir(join(directory, 'roots'));
      return { WORKSPACE_ROOTS: join(directory, 'roots') };
    },
  },
  mutation: { file: 'apps/worker/dist/agents/agent-session.js', find: "access === 'read' && this.holdsReadOnly ? READ_ONLY_ENVIRONMENT : EVERYTHING_ENVIRONMENT", replace: 'EVERYTHING_ENVIRONMENT' },
  alsoMutants: [{ file: 'libs/codex/dist/agent-config.js', find: 'trust_level = "untrusted"', replace: 'trust_level = "trusted"' }],
  async run({ system, scaled }): Promise<RowOutcome> {
    const failures: string[] = [];
    let calls = 0;
    for (const mode of MODES.slice(0, scaled(MODES.length))) {
      const visit = await Visit.begin(system, mode);
      await visit.run();
      calls += visit.calls;
      failures.push(...visit.failures.map((failure) => `${mode}: ${failure}`));
    }
    return { tried: `${calls} calls on a repository that wants to run programs`, failures };
  },
};

/** All tools, one after the other, on one such repository. */
class Visit {
  readonly failures: string[] = [];
  calls = 0;

  private constructor(
    private readonly system: ServiceSystem,
    private readonly mode: Mode,
    private readonly directory: string,
    private readonly elsewhere: string,
  ) {}

  static async begin(system: ServiceSystem, mode: Mode): Promise<Visit> {
    const above = dirname(system.dataDir);
    const visit = new Visit(system, mode, join(above, 'roots', mode), join(above, `elsewhere-${mode}`));
    await mkdir(visit.elsewhere, { mode: 0o777 });
    await makeHostileRepository(visit.directory, visit.elsewhere);
    return visit;
  }

  async run(): Promise<void> {
    const shown = await this.tree();
    await this.call('open_workspace', { workspace: this.directory, workspace_mode: this.mode });
    await this.reading('plan', (order) => ({ task: order }), [{}]); // the copy is there, and looked at
    const tries: Step[] = [{ shell: attemptsScript() }, ...PATCHES.map((patch) => ({ patch })), {}];
    for (const [tool, words] of Object.entries(READING)) await this.reading(tool, words, tries);
    if (!isDeepStrictEqual(await this.tree(), shown)) this.failures.push('reading tools have changed the directory');
    for (const [tool, words] of Object.entries(WRITING)) await this.call(tool, words(directive({ shell: 'echo made > made.txt' }, {})));
    for (const [tool, args] of ON_THE_WORKSPACE) await this.call(tool, args);
    await this.look();
    await this.call('commit', { message: 'm' });
    await this.look(OF_COMMIT);
  }

  private async reading(tool: string, words: (order: string) => Arguments, steps: Step[]): Promise<void> {
    const before = await this.seen();
    await this.call(tool, words(directive(...steps)));
    if ((await this.seen()) !== before) this.failures.push(`${tool} has changed what it was to read`);
    const printed = this.system.fake.responsesRequests().map(({ model }) => model.toolOutput ?? '').join('\n');
    const wrote = printed.match(/^WROTE .*/gm) ?? [];
    this.system.fake.reset();
    if (steps.some(({ shell }) => shell !== undefined) && !/^ATTEMPTS-ARE-OVER$/m.test(printed)) this.failures.push(`${tool} did not make all attempts`);
    if (wrote.length > 0) this.failures.push(`${tool} could: ${[...new Set(wrote)].join(', ')}`);
  }

  private async call(tool: string, args: Arguments): Promise<void> {
    this.calls += 1;
    const response = await fetch(`http://127.0.0.1:${this.system.edgePorts[0]}/tools/${tool}`, { method: 'POST', body: JSON.stringify({ agent_id: `visitor-${this.mode}`, ...args }), headers: { 'content-type': 'application/json' } });
    const answer = await response.text();
    if (!response.ok) this.failures.push(`${tool} answered ${response.status} ${answer.slice(0, 300)}`);
  }

  private tree(): Promise<Record<string, string>> {
    return fingerprintOf(this.directory);
  }

  /** A hash of all that the agent's workspace is: paths, kinds, modes, times and contents, `.git` included; empty before there is one. */
  private async seen(): Promise<string> {
    const script = `cd /workspace && { find . -printf '%p %y %m %U %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum`;
    return this.inside(script);
  }

  private async inside(script: string): Promise<string> {
    const container = await containerOf(this.system.deployment, `visitor-${this.mode}`);
    return execIn(container, '/bin/sh', '-c', script);
  }

  /** Whatever was started has said so somewhere. */
  private async look(expected: readonly string[] = []): Promise<void> {
    const files = PLACES.map((place) => `${place}/${MARKER}`).join(' ');
    const ran = await this.inside(`cat ${files} 2>/dev/null | sort -u`);
    const onHost = await Promise.all([this.elsewhere, this.directory].map(async (at) => (existsSync(join(at, MARKER)) ? readFile(join(at, MARKER), 'utf8') : '')));
    const names = new Set([ran, ...onHost].join('\n').split(/\s+/).filter((name) => name !== '' && !expected.includes(name)));
    for (const name of names) this.failures.push(`${name} of the repository has run`);
  }
}
