import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithDocker, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containersOf } from '../stack/agent-containers.js';
import { call, chat, directive, errorOf, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { applyDiff, treeOf } from './file-tree.js';
import { gitOfUser, makeRepository, owner } from './host-repository.js';

const direct = { workspace_mode: 'direct' };

describeWithDocker('a host directory as workspace', () => {
  let stack: Stack;
  let client: Client;
  let roots: TemporaryDirectory;

  beforeAll(async () => {
    roots = await temporaryDirectory();
    stack = await startStack({ env: { WORKSPACE_ROOTS: roots.path } });
    client = await stack.httpClient('host');
  });
  beforeEach(() => stack.fake.reset());
  afterAll(async () => {
    await stack.stop();
    await roots.remove();
  });

  const repository = (name: string) => makeRepository(join(roots.path, name));

  it('is reviewed with its history and files, and left as it is', async () => {
    const workspace = await repository('reviewed');
    const before = await treeOf(workspace);
    const finding = { severity: 'high', title: 'wrong answer', explanation: 'it is 42', recommendation: 'correct it', file: 'src/app.js', line: 1 };
    const steps = [{ shell: 'git log --format=%s; ls src; cat src/app.js' }, { json: { summary: 's', findings: [finding] } }];
    const output = await outputOf(client, 'review', { content: directive(...steps), workspace, ...direct });
    expect(output).toMatchObject({ findings: [finding], commands: [{ command: expect.stringContaining('git log'), exit_code: 0 }] });
    const seen = stack.fake.responsesRequests().at(-1)?.model.toolOutput;
    for (const part of ['The first commit of Ada', 'app.js', 'answer = 41']) expect(seen).toContain(part);
    expect(await treeOf(workspace)).toEqual(before);
    expect(await outputOf(client, 'get_my_session_info')).toMatchObject({ workspace });
  });

  it('gets the changes, owned by its owner, and the result holds them', async () => {
    const [workspace, clone] = [await repository('changed'), await repository('clone')];
    const edit = "printf 'export const answer = 42;\\n' > src/app.js; echo new > src/new.js";
    const answer = { summary: 's', explanation: 'e', integration_notes: [] };
    const output = await outputOf(client, 'implement', { task: directive({ shell: edit }, { json: answer }), target_files: ['src'], workspace, ...direct });
    expect(output['changes']).toMatchObject({ files: [{ path: 'src/app.js', status: 'modified' }, { path: 'src/new.js', status: 'added' }] });
    expect(await readFile(join(workspace, 'src', 'app.js'), 'utf8')).toBe('export const answer = 42;\n');
    expect((await stat(join(workspace, 'src', 'new.js'))).uid).toBe(owner);
    await applyDiff(clone, (output['changes'] as { diff: string }).diff);
    expect(await treeOf(clone)).toEqual(await treeOf(workspace));
    expect(await gitOfUser(workspace, 'status', '--porcelain')).toBe(' M src/app.js\n?? src/new.js\n');
  });

  it('changed by others between two calls is not blamed on the agent', async () => {
    const workspace = await repository('shared');
    await chat(client, 'hello', { workspace, ...direct });
    await writeFile(join(workspace, 'by-a-person.txt'), 'mine');
    await chmod(join(workspace, 'by-a-person.txt'), 0o666);
    const output = await outputOf(client, 'chat', { write: true, message: directive({ shell: 'echo its > by-the-agent.txt' }), workspace, ...direct });
    expect(output['changes']).toMatchObject({ files: [{ path: 'by-the-agent.txt', status: 'added' }] });
  });

  it('is kept by the agent until another is named, with one conversation over all of them', async () => {
    const [first, second] = [await repository('first'), await repository('second')];
    const where = async (args: Record<string, unknown>) => chat(client, directive({ shell: 'cat marker' }), { agent_id: 'mover', ...args });
    await writeFile(join(first, 'marker'), 'in the first', { mode: 0o644 });
    await writeFile(join(second, 'marker'), 'in the second', { mode: 0o644 });
    expect(await where({ workspace: first, ...direct })).toContain('in the first');
    expect(await where({})).toContain('in the first');
    expect(await where({ workspace: second, ...direct })).toContain('in the second');
    expect(await where({})).toContain('in the second');
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('in the first');
    expect(await containersOf(stack.deployment, 'mover')).toHaveLength(1);
  });

  it('is worked on by codex as its former server did: changed where the call says so, read where it does not, by each connection of the tenant', async () => {
    const cwd = await repository('dropped-in');
    const begun = await call(client, 'codex', { prompt: directive({ shell: 'echo noted > note.txt' }, { text: 'written down' }), cwd, sandbox: 'workspace-write' });
    expect(begun.content).toEqual([{ type: 'text', text: 'written down' }]);
    expect(await readFile(join(cwd, 'note.txt'), 'utf8')).toBe('noted\n');
    const { threadId } = begun.structuredContent ?? {};
    await outputOf(await stack.sseClient('elsewhere'), 'codex-reply', { threadId, prompt: directive({ shell: 'cat note.txt' }) });
    const { body, model } = stack.fake.responsesRequests().at(-1) ?? {};
    expect(model?.toolOutput).toContain('noted');
    expect(JSON.stringify(body)).toContain('written down');
    const before = await treeOf(cwd);
    const prompt = directive({ shell: 'echo x > note.txt' }, { text: 'tried' });
    expect(await outputOf(client, 'codex', { prompt, cwd, sandbox: 'read-only' })).toMatchObject({ content: 'tried' });
    expect(stack.fake.responsesRequests().at(-1)?.model.userText).toContain('Do not create, change or delete any file');
    expect(await treeOf(cwd)).toEqual(before);
  });

  it('is refused where it is not under a root, without a word about what is there', async () => {
    const there = await errorOf(client, 'chat', { write: true, message: 'x', workspace: '/etc' });
    const nowhere = await errorOf(client, 'chat', { write: true, message: 'x', workspace: '/ect' });
    expect(there.code).toBe('workspace_not_allowed');
    expect(there.message.replace('/etc', '/ect')).toBe(nowhere.message);
  });
});
