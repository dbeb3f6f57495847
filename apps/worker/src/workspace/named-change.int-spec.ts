import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { ChangeTarget } from '@codex-mcp/tools';
import { localCommands } from './local-commands.fixture.js';
import { withLocations } from './finding-places.js';
import { findChange } from './named-change.js';
import { ShadowRepository } from './shadow-repository.js';

jest.setTimeout(60_000); // many commands of git, on a busy machine

let directory: TemporaryDirectory;
let shadow: ShadowRepository;
let workspace: string;
let count = 0;

beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(() => directory.remove());

beforeEach(() => {
  workspace = join(directory.path, `workspace-${count++}`);
  mkdirSync(workspace);
  shadow = shadowOf(workspace);
});

const shadowOf = (cwd: string) => new ShadowRepository(localCommands, { cwd, stateDir: directory.path, workspace: { kind: 'host', path: cwd } });

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', workspace, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.test', '-c', 'init.defaultBranch=main', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const write = (path: string, content: string) => writeFileSync(join(workspace, path), content);
const numbered = (lines: number, changed: Record<number, string> = {}): string => Array.from({ length: lines }, (_, at) => `${changed[at + 1] ?? `line ${at + 1}`}\n`).join('');

function commit(message: string): string {
  git('add', '--all');
  git('commit', '--quiet', '--message', message);
  return git('rev-parse', 'HEAD');
}

/** A repository with one commit: `a.txt` of 40 lines, `gone.txt`, `kept.txt`. */
function repository(): string {
  git('init', '--quiet');
  write('a.txt', numbered(40));
  write('gone.txt', 'bye\nbye\n');
  write('kept.txt', 'kept\n');
  return commit('The first');
}

const find = (target: ChangeTarget, turnId = `turn_${count++}`) => findChange(shadow, target, turnId);
const filesOf = async (target: ChangeTarget) => (await find(target)).described.files.map(({ path, status }) => `${status} ${path}`).toSorted();
const refusal = (target: ChangeTarget): Promise<string> => find(target).then(() => 'found', (error: Error) => error.message);

describe('a change that a call names', () => {
  it('uncommitted: what is staged, unstaged and untracked, and nothing that is ignored', async () => {
    repository();
    write('.git/info/exclude', '*.log\n');
    write('a.txt', numbered(40, { 20: 'changed' }));
    git('rm', '--quiet', 'gone.txt');
    for (const path of ['new.txt', 'staged.txt', 'noise.log']) write(path, 'x\n');
    git('add', 'staged.txt');
    expect(await filesOf({ kind: 'uncommitted' })).toEqual(['added new.txt', 'added staged.txt', 'deleted gone.txt', 'modified a.txt']);
    expect((await find({ kind: 'uncommitted' })).described.diff).toContain('-line 20\n+changed\n');
  });

  it('uncommitted, before the first commit: all files', async () => {
    git('init', '--quiet');
    write('first.txt', 'x\n');
    expect(await filesOf({ kind: 'uncommitted' })).toEqual(['added first.txt']);
  });

  it('branch: what its own commits and the files in it have more, from where it left', async () => {
    const start = repository();
    git('branch', 'base');
    git('switch', '--quiet', '--create', 'work');
    write('b.txt', 'x\n');
    commit('mine');
    git('switch', '--quiet', 'base');
    write('theirs.txt', 'x\n');
    commit('theirs');
    git('switch', '--quiet', 'work');
    write('loose.txt', 'x\n');
    expect(await filesOf({ kind: 'branch', name: 'base' })).toEqual(['added b.txt', 'added loose.txt']);
    expect((await find({ kind: 'branch', name: 'base' })).described.compared).toContain(start.slice(0, 10));
  });

  it('commit: by its id, a short one, a tag or a place in the history; the first one too', async () => {
    const first = repository();
    write('b.txt', 'x\n');
    const second = commit('The second');
    git('tag', '-a', 'v1', '-m', 'v1');
    write('b.txt', 'later\n');
    for (const name of [second, second.slice(0, 7), 'v1', 'HEAD', 'main']) expect(await filesOf({ kind: 'commit', name })).toEqual(['added b.txt']);
    expect(await filesOf({ kind: 'commit', name: 'HEAD~1' })).toEqual(await filesOf({ kind: 'commit', name: first }));
    expect(await filesOf({ kind: 'commit', name: first })).toHaveLength(3);
  });

  it('leaves out files whose bytes differ from the repository’s only by their attributes', async () => {
    git('init', '--quiet');
    write('.gitattributes', '*.txt text eol=crlf\n');
    for (const path of ['touched.txt', 'untouched.txt']) write(path, 'one\r\ntwo\r\n');
    // As old as files in a repository are: git looks again at those as young as its index.
    utimesSync(join(workspace, 'untouched.txt'), 1, 1);
    commit('with line ends');
    expect(git('cat-file', '-p', 'HEAD:touched.txt')).not.toContain('\r');
    write('touched.txt', 'one\r\nthree\r\n');
    expect(await filesOf({ kind: 'uncommitted' })).toEqual(['modified touched.txt']);
  });

  it('is the same for one turn, whatever happens to the workspace meanwhile', async () => {
    repository();
    write('new.txt', 'x\n');
    const before = await find({ kind: 'uncommitted' }, 'turn_kept');
    write('later.txt', 'x\n');
    const after = await find({ kind: 'uncommitted' }, 'turn_kept');
    expect({ trees: after.trees, described: after.described }).toEqual({ trees: before.trees, described: before.described });
    expect((await find({ kind: 'uncommitted' }, 'turn_next')).described.files).toHaveLength(2);
  });

  it('in full in a file where it is long, with what fits in the prompt', async () => {
    repository();
    write('long.txt', numbered(20_000));
    write('short.txt', 'short\n');
    const { described } = await find({ kind: 'uncommitted' });
    expect(described.diff).toContain('+short\n');
    expect(described.diff).not.toContain('long.txt');
    const whole = readFileSync(described.diffPath ?? '', 'utf8');
    expect(whole).toContain('+line 20000\n');
    expect(described.files).toMatchObject([{ path: 'long.txt', in_diff: false }, { path: 'short.txt' }]);
  });

  it('that there is not is told apart, with what there is', async () => {
    expect(await refusal({ kind: 'uncommitted' })).toContain('not a git repository');
    repository();
    expect(await refusal({ kind: 'uncommitted' })).toMatch(/Nothing has changed.*main.*The first/);
    expect(await refusal({ kind: 'branch', name: 'nope' })).toMatch(/no branch "nope".*main.*The first/);
    for (const name of ['deadbee', 'nope', '--output=/tmp/x', '$(touch x)', 'HEAD~9', 'a..b']) expect(await refusal({ kind: 'commit', name })).toMatch(/There is no commit.*The first/);
    git('switch', '--quiet', '--orphan', 'alone');
    write('other.txt', 'x\n');
    commit('Another beginning');
    expect(await refusal({ kind: 'branch', name: 'main' })).toContain('no commit in common');
  });

  it('in a shallow clone is found up to where that ends', async () => {
    repository();
    write('b.txt', 'x\n');
    commit('The second');
    const [source, clone] = [workspace, `${workspace}-clone`];
    execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${source}`, clone], { stdio: 'ignore' });
    workspace = clone;
    shadow = shadowOf(clone);
    write('c.txt', 'x\n');
    expect(await filesOf({ kind: 'branch', name: 'origin/main' })).toEqual(['added c.txt']);
    expect(await refusal({ kind: 'commit', name: 'HEAD' })).toContain('shallow');
    commit('The third');
    expect(await filesOf({ kind: 'commit', name: 'HEAD' })).toEqual(['added c.txt']);
  });

  it('runs nothing that the repository’s configuration names', async () => {
    repository();
    const proof = join(directory.path, 'ran');
    for (const key of ['core.fsmonitor', 'filter.x.clean', 'filter.x.process', 'diff.x.textconv', 'diff.external', 'gpg.program', 'core.sshCommand']) git('config', key, `touch ${proof}; cat`);
    git('config', 'log.showSignature', 'true');
    write('.git/info/attributes', '* filter=x diff=x\n');
    write('a.txt', numbered(40, { 2: 'changed' }));
    rmSync(proof, { force: true });
    for (const target of [{ kind: 'uncommitted' }, { kind: 'branch', name: 'main' }, { kind: 'commit', name: 'HEAD' }, { kind: 'commit', name: 'nope' }] as const) await find(target).catch(() => undefined);
    expect(existsSync(proof)).toBe(false);
  });
});

describe('the places of findings', () => {
  async function marks(target: ChangeTarget | undefined, places: object[]): Promise<unknown[]> {
    const change = target && (await find(target));
    const session = { workspace: { repository: shadow }, placement: { cwd: workspace }, sandboxPolicy: () => undefined } as unknown as Parameters<typeof withLocations>[1];
    const answer = await withLocations({ summary: 's', findings: places }, session, change);
    return (answer as { findings: { location?: string }[] }).findings.map(({ location }) => location);
  }

  it('are those of the change, those beside it, and those that are not there', async () => {
    repository();
    write('a.txt', numbered(40, { 20: 'changed' }));
    rmSync(join(workspace, 'gone.txt'));
    renameSync(join(workspace, 'kept.txt'), join(workspace, 'moved.txt'));
    write('no-newline.txt', 'one\ntwo');
    const places: [object, string | undefined][] = [
      [{ file: 'a.txt', line: 20 }, 'verified'],
      [{ file: 'a.txt', line: 17 }, 'verified'],
      [{ file: 'a.txt', line: 16 }, 'outside_change'],
      [{ file: 'a.txt', line: 1, end_line: 17 }, 'verified'],
      [{ file: 'a.txt', line: 41 }, 'not_found'],
      [{ file: 'a.txt', line: 20, end_line: 41 }, 'not_found'],
      [{ file: 'a.txt' }, 'verified'],
      [{ file: `${workspace}/a.txt`, line: 20 }, 'verified'],
      [{ file: './a.txt', line: 20 }, 'verified'],
      [{ file: 'gone.txt', line: 2 }, 'verified'],
      [{ file: 'gone.txt', line: 3 }, 'not_found'],
      [{ file: 'moved.txt' }, 'verified'],
      [{ file: 'moved.txt', line: 1 }, 'outside_change'],
      [{ file: 'no-newline.txt', line: 2 }, 'verified'],
      [{ file: 'invented.txt', line: 1 }, 'not_found'],
      [{ file: '../workspace-0/a.txt', line: 1 }, 'not_found'],
      [{ file: '/etc/passwd', line: 1 }, 'not_found'],
      [{ file: '$(touch x)' }, 'not_found'],
      [{ title: 'of the whole' }, undefined],
    ];
    expect(await marks({ kind: 'uncommitted' }, places.map(([place]) => place))).toEqual(places.map(([, mark]) => mark));
  });

  it('count in the files as the commit left them', async () => {
    repository();
    write('b.txt', numbered(3));
    const name = commit('The second');
    write('b.txt', 'x\n');
    expect(await marks({ kind: 'commit', name }, [{ file: 'b.txt', line: 3 }, { file: 'kept.txt', line: 1 }])).toEqual(['verified', 'outside_change']);
  });

  it('are those of the workspace where no change was named', async () => {
    write('a b.txt', 'one\ntwo');
    mkdirSync(join(workspace, 'src'));
    expect(await marks(undefined, [{ file: 'a b.txt', line: 2 }, { file: 'a b.txt', line: 3 }, { file: 'src' }, { file: 'src', line: 1 }, { file: 'nope' }, {}])).toEqual(['verified', 'not_found', 'verified', 'not_found', 'not_found', undefined]);
  });
});
