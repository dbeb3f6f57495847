import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { lchown, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeWithDocker, eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { commandsIn, containerOf, execIn } from '../stack/agent-containers.js';
import { directive, errorOf, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { activeTurns, turnOf, unfinishedTurns } from '../stack/turns.js';
import { fingerprintOf } from './file-tree.js';

const run = promisify(execFile);
const owner = process.getuid?.() === 0 ? 12_345 : (process.getuid?.() ?? 0);

const finding = (file: string, line: number) => ({ severity: 'high', title: 't', explanation: 'e', recommendation: 'r', file, line });

describeWithDocker('a review of a change', () => {
  let stack: Stack;
  let client: Client;
  let roots: TemporaryDirectory;
  let workspace: string;

  beforeAll(async () => {
    roots = await temporaryDirectory();
    stack = await startStack({ ownRedis: true, env: { WORKSPACE_ROOTS: roots.path } });
    client = await stack.httpClient('reviewer');
    workspace = join(roots.path, 'project');
    await mkdir(join(workspace, 'src'), { recursive: true });
    await git('init', '--quiet', '--initial-branch', 'main');
    await writeFile(join(workspace, 'src', 'app.js'), 'one\ntwo\nthree\n');
    await writeFile(join(workspace, 'src', 'old.js'), 'old\n');
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'The first commit of Ada');
    await git('switch', '--quiet', '--create', 'work');
    await writeFile(join(workspace, 'src', 'app.js'), 'one\n2\nthree\n');
    await git('commit', '--quiet', '--all', '--message', 'The second commit of Ada');
    await writeFile(join(workspace, 'src', 'new.js'), 'new\n');
    for (const entry of ['.', ...(await readdir(workspace, { recursive: true }))]) await lchown(join(workspace, entry), owner, owner);
  });
  beforeEach(() => stack.fake.reset());
  afterAll(async () => {
    await stack.stop();
    await roots.remove();
  });

  const git = (...args: string[]) => run('git', ['-C', workspace, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.test', ...args]);
  const review = (content: string, ...steps: Parameters<typeof directive>) => outputOf(client, 'review', { content, workspace, workspace_mode: 'direct', rubric: directive(...steps) });
  const asked = () => stack.fake.responsesRequests().at(-1)?.model.userText ?? '';

  it('gets it from git, checks the places of the findings, and leaves files and repository as they are', async () => {
    const before = await fingerprintOf(workspace);
    const answer = { summary: 's', verdict: 'comment', findings: [finding('src/new.js', 1), finding('/workspace/src/app.js', 2), finding('src/invented.js', 1)] };
    const output = await review('uncommitted', { shell: 'git status; git diff; git log -p; cat src/new.js' }, { json: answer });
    expect(output).toMatchObject({
      verdict: 'comment',
      reviewed: { files: [{ path: 'src/new.js', status: 'added' }] },
      findings: [{ file: 'src/new.js', location: 'verified' }, { file: 'src/app.js', location: 'outside_change' }, { file: 'src/invented.js', location: 'not_found' }],
    });
    expect(asked()).toContain('+new\n');
    expect(await fingerprintOf(workspace)).toEqual(before);
  });

  it('against a branch has its commits too; of a commit, that one alone', async () => {
    const answer = { summary: 's', findings: [finding('src/app.js', 2)] };
    expect(await review('branch:main', { json: answer })).toMatchObject({ reviewed: { files: [{ path: 'src/app.js' }, { path: 'src/new.js' }] }, findings: [{ location: 'verified' }] });
    expect(await review('commit:HEAD', { json: answer })).toMatchObject({ reviewed: { files: [{ path: 'src/app.js' }] } });
    expect(asked()).toContain('-two\n+2\n');
  });

  it('is the same in a copy of the directory', async () => {
    const files = async (content: string) => {
      const output = await outputOf(client, 'review', { content, workspace, agent_id: 'copier', rubric: directive({ json: { summary: 's', findings: [] } }) });
      return (output['reviewed'] as { files: { path: string }[] }).files.map(({ path }) => path);
    };
    expect(await files('uncommitted')).toEqual(['src/new.js']);
    expect(await files('branch:main')).toEqual(['src/app.js', 'src/new.js']);
    expect(await files('commit:HEAD')).toEqual(['src/app.js']);
  });

  it('that does not exist is refused with what does, before the model is asked', async () => {
    const error = await errorOf(client, 'review', { content: 'branch:nope', workspace, workspace_mode: 'direct' });
    expect(error).toMatchObject({ code: 'invalid_arguments', message: expect.stringMatching(/no branch "nope".*main, work.*The second commit of Ada/) });
    expect(stack.fake.responsesRequests()).toEqual([]);
  });

  it('whose worker is killed is not run again: the restarted one takes its answer', async () => {
    const output = review('uncommitted', { shell: 'until [ -e /tmp/go ]; do sleep 0.05; done' }, { json: { summary: 'once', findings: [finding('src/new.js', 1)] } });
    const container = await eventually(() => containerOf(stack.deployment, 'reviewer'));
    await eventually(async () => (await commandsIn(container)).some((command) => command.includes('/tmp/go')));
    const [turn] = await unfinishedTurns(stack.redis(), 'reviewer');
    const worker = await eventually(async () => [...(await activeTurns(stack.redis())).keys()][0] ?? 0);
    process.kill(worker, 'SIGKILL');
    await eventually(async () => expect((await turnOf(stack.redis(), turn?.request.turnId ?? '')).attempts).toBe(2), { timeoutMs: 90_000 });
    // What the review was asked about has changed meanwhile; its findings are about what it saw.
    await rm(join(workspace, 'src', 'new.js'));
    await execIn(container, 'touch', '/tmp/go');
    expect(await output).toMatchObject({ summary: 'once', reviewed: { files: [{ path: 'src/new.js' }] }, findings: [{ location: 'verified' }] });
    expect(stack.fake.responsesRequests()).toHaveLength(2);
  }, 150_000);
});
