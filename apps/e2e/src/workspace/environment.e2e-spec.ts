import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithDocker, eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { z } from 'zod';
import { containerOf, docker, execIn, volumesOf } from '../stack/agent-containers.js';
import { call, directive, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { derivedImage } from './derived-image.js';
import { makeRepository, ownAll } from './host-repository.js';

const Result = z.object({
  turn_id: z.string(),
  answer: z.string(),
  environment: z.object({ image: z.string().optional(), setup: z.string().optional(), problems: z.array(z.string()) }).optional(),
  changes: z.object({ files: z.array(z.object({ path: z.string() })) }).optional(),
});

describeWithDocker('the environment that a repository wishes for', () => {
  let stack: Stack;
  let client: Client;
  let roots: TemporaryDirectory;
  let image: string;
  let orphan: string;

  beforeAll(async () => {
    roots = await temporaryDirectory();
    image = await derivedImage('RUN echo 42 > /etc/codex-mcp-e2e && rm /usr/local/bin/codex-mcp-read-only');
    stack = await startStack({ env: { WORKSPACE_ROOTS: roots.path, AGENT_IMAGES: `node=${image},ghost=codex-mcp-e2e:ghost,python`, DEPENDENCY_CACHE: 'shared' } });
    // As a supervisor leaves a cache that is killed before it has removed it with the last agent.
    orphan = `codex-mcp-${stack.deployment}-cache-orphan`;
    await docker.createVolume({ Name: orphan, Labels: { 'codex-mcp.deployment': stack.deployment, 'codex-mcp.tenant': 'local', 'codex-mcp.cache-directory': join(roots.path, 'gone') } });
    client = await stack.httpClient('environment');
  });
  afterAll(async () => {
    await stack?.stop();
    await docker.getImage(image).remove({ force: true });
    await roots.remove();
  });

  const settings = (value: unknown) => ({ 'codex-mcp.json': typeof value === 'string' ? value : JSON.stringify(value), '.gitignore': '*.log\n' });
  const repository = (name: string, files: Record<string, string>) => makeRepository(join(roots.path, name), files);
  const write = async (workspace: string, path: string, content: string) => {
    await writeFile(join(workspace, path), content);
    await ownAll(workspace);
  };
  const turn = async (message: string, args: Record<string, unknown>) => Result.parse(await outputOf(client, 'chat', { write: true, message, ...args }));
  const events = async (turnId: string) => z.array(z.looseObject({ type: z.string(), text: z.string(), output: z.string().optional() })).parse((await outputOf(client, 'get_turn', { turn_id: turnId }))['events']);

  it('AGENTS.md reaches the model, in a copy from its first turn on', async () => {
    const workspace = await repository('instructed', { 'AGENTS.md': 'Always say PINEAPPLE-OF-THE-REPOSITORY.\n' });
    const seen = () => JSON.stringify(stack.fake.responsesRequests().at(-1)?.body);
    for (const args of [{ agent_id: 'instructed', workspace }, { agent_id: 'instructed-directly', workspace, workspace_mode: 'direct' }]) {
      expect((await turn('hello', args)).environment).toBeUndefined();
      expect(seen()).toContain('PINEAPPLE-OF-THE-REPOSITORY');
    }
    await write(workspace, 'AGENTS.md', 'Say MANGO-OF-THE-REPOSITORY instead.\n');
    await turn('and now?', { agent_id: 'instructed' });
    expect(seen()).toContain('MANGO-OF-THE-REPOSITORY');
    await turn('hello', { agent_id: 'elsewhere' });
    expect(seen()).not.toContain('OF-THE-REPOSITORY');
    await write(workspace, 'AGENTS.md', `MANY\n${'x\n'.repeat(20_000)}`);
    expect((await turn('hello', { agent_id: 'instructed' })).environment?.problems).toEqual(['Only the first 32 KiB of AGENTS.md are given to Codex.']);
  });

  it('is the image of that name, with files and conversation kept', async () => {
    const workspace = await repository('imaged', { 'README.md': 'no wishes yet\n' });
    const agent = { agent_id: 'imaged', workspace };
    expect(await runInAgent(client, 'cat /etc/codex-mcp-e2e; echo mine > mine.txt; echo kept > ~/kept', agent)).toContain('No such file');
    const before = await (await containerOf(stack.deployment, 'imaged')).inspect();
    await write(workspace, 'codex-mcp.json', '{"image": "node"}');
    const first = await turn(directive({ shell: 'cat /etc/codex-mcp-e2e mine.txt ~/kept' }), agent);
    expect(first.answer).toMatch(/42\nmine\nkept/);
    expect(first.environment).toEqual({ image: 'node', problems: [] });
    const after = await (await containerOf(stack.deployment, 'imaged')).inspect();
    expect(after.Id).not.toBe(before.Id);
    expect(after.Mounts.flatMap(({ Name }) => Name ?? []).toSorted()).toEqual(before.Mounts.flatMap(({ Name }) => Name ?? []).toSorted());
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('echo mine > mine.txt');
    await turn('again', agent);
    expect((await (await containerOf(stack.deployment, 'imaged')).inspect()).Id).toBe(after.Id);
    await write(workspace, 'codex-mcp.json', '{}');
    const last = await turn(directive({ shell: 'cat /etc/codex-mcp-e2e mine.txt' }), agent);
    // Two streams, told in any order.
    expect(last.answer).toContain('No such file');
    expect(last.answer).toMatch(/^mine$/m);
    expect(last.environment).toEqual({ image: 'base', problems: [] });
  });

  it('is one in which nothing keeps turns from writing: what one that may only read changes is undone, or reported of the directory itself', async () => {
    const workspace = await repository('unheld', { 'codex-mcp.json': '{"image": "node"}', 'a.txt': 'a\n' });
    const task = directive({ shell: 'echo changed > a.txt; echo made > made.txt' }, {});
    const planned = await outputOf(client, 'plan', { task, agent_id: 'unheld', workspace });
    expect(planned['changes']).toBeUndefined();
    expect((await events(String(planned['turn_id']))).map(({ text }) => text)).toContain('The turn was to change nothing; its changes were undone: a.txt, made.txt');
    expect(await outputOf(client, 'get_diff', { agent_id: 'unheld' })).toMatchObject({ files: [] });
    expect(await outputOf(client, 'get_agent_status', { agent_id: 'unheld' })).toMatchObject({ read_only_turns: 'compared' });
    const reported = await outputOf(client, 'plan', { task, agent_id: 'unheld', workspace, workspace_mode: 'direct' });
    expect(reported['changes']).toMatchObject({ files: [{ path: 'a.txt', status: 'modified' }, { path: 'made.txt', status: 'added' }] });
  });

  it('undoes it as well where such a turn fails or is cancelled', async () => {
    const workspace = await repository('unheld-ends', { 'codex-mcp.json': '{"image": "node"}', 'a.txt': 'a\n' });
    const agent = { agent_id: 'unheld-ends', workspace };
    const failing = directive({ shell: 'echo changed > a.txt' }, { status: 400, error: { message: 'no' } });
    expect((await call(client, 'plan', { task: failing, ...agent })).isError).toBe(true);
    expect(await outputOf(client, 'get_diff', { agent_id: 'unheld-ends' })).toMatchObject({ files: [] });
    const lasting = directive({ shell: 'echo changed > a.txt; sleep 600' }, {});
    const { turn_id } = await outputOf(client, 'start', { tool: 'plan', agent_id: 'unheld-ends', arguments: { task: lasting } });
    const container = await containerOf(stack.deployment, 'unheld-ends');
    await eventually(async () => expect(await execIn(container, 'cat', '/workspace/a.txt')).toContain('changed'));
    await outputOf(client, 'cancel', { turn_id });
    expect(await outputOf(client, 'get_diff', { agent_id: 'unheld-ends' })).toMatchObject({ files: [] });
    expect(await execIn(container, 'cat', '/workspace/a.txt')).toBe('a\r\n');
  }, 60_000);

  it.each([
    ['is one that nobody allowed', { image: 'ruby' }, 'The image "ruby" is not among those that this server allows: base, node, ghost, python. Its operator can add it to AGENT_IMAGES. The agent runs in the image "base".'],
    ['is an image itself', { image: 'registry.example.org/evil:latest' }, 'codex-mcp.json is not used: "image" must be the name of an image, such as "node".'],
    ['is not on the engine', { image: 'ghost' }, 'The image "ghost" is not on this server\'s Docker engine. Its operator has to pull or build it. The agent runs in the image "base".'],
    ['is no JSON', '{"image": ', 'codex-mcp.json is not used: it is not JSON.'],
    ['wants the network', { egress: ['registry.npmjs.org'] }, 'egress of codex-mcp.json is not granted to registry.npmjs.org: this server lets agents reach nothing (EGRESS_ALLOW, EGRESS_ALLOW_ON_REQUEST, GIT_HOSTS).'],
  ])('is refused where it %s, and the turn runs all the same', async (name, value, problem) => {
    const workspace = await repository(`refused ${name}`, settings(value));
    const { answer, environment } = await turn(directive({ shell: 'echo worked' }), { agent_id: 'refused', workspace });
    expect(answer).toContain('worked');
    expect(environment).toEqual({ image: 'base', problems: [problem] });
  });

  it('is not what a link out of the repository says', async () => {
    const workspace = await repository('linked', { 'README.md': 'x\n' });
    await mkdir(join(roots.path, 'elsewhere'));
    await writeFile(join(roots.path, 'elsewhere/codex-mcp.json'), '{"setup": ["echo pwned > pwned"]}');
    await symlink('../elsewhere/codex-mcp.json', join(workspace, 'codex-mcp.json'));
    await ownAll(workspace);
    const { answer, environment } = await turn(directive({ shell: 'ls' }), { agent_id: 'linked', workspace, workspace_mode: 'direct' });
    expect(answer).not.toContain('pwned');
    expect(environment?.problems).toEqual([expect.stringMatching(/^codex-mcp\.json is not used: a link (out of the workspace|that leads nowhere) is in its place\.$/)]);
  });

  it('is set up before the first turn, and again when the file or a lock file changes', async () => {
    const workspace = await repository('set-up', { ...settings({ setup: ['echo ran >> setup.log; echo "to the log: $(wc -l < setup.log)"', 'cp packages.lock installed.log'], lock_files: ['packages.lock', 'absent.lock'] }), 'packages.lock': 'one\n' });
    const agent = { agent_id: 'set-up', workspace };
    const look = async () => {
      const { turn_id, answer, environment, changes } = await turn(directive({ shell: 'wc -l < setup.log; cat installed.log' }), agent);
      expect({ environment, changes }).toEqual({ environment: { image: 'base', setup: 'done', problems: [] }, changes: undefined });
      const ran = (await events(turn_id)).filter(({ type, text }) => type === 'command' && text.includes('>> setup.log'));
      return { seen: answer.replace(/^[^]*?\nOutput:\n+/, '').trim(), ran: ran.map(({ output }) => output?.trim()) };
    };
    expect(await look()).toEqual({ seen: '1\none', ran: ['to the log: 1'] });
    expect(await look()).toEqual({ seen: '1\none', ran: [] });
    await write(workspace, 'packages.lock', 'two\n');
    expect(await look()).toEqual({ seen: '2\ntwo', ran: ['to the log: 2'] });
    await runInAgent(client, 'sed -i s/absent.lock/other.lock/ codex-mcp.json', agent);
    expect((await turn(directive({ shell: 'wc -l < setup.log' }), agent)).answer).toMatch(/\n3\n?/);
  });

  it('is not set up in a directory that a tool is only to look at', async () => {
    const workspace = await repository('looked-at', settings({ setup: ['touch made.log'] }));
    const agent = { agent_id: 'looker', workspace, workspace_mode: 'direct' };
    const left = await outputOf(client, 'review', { content: 'uncommitted work', ...agent });
    expect(left['environment']).toEqual({ image: 'base', problems: ['Setup was left for a turn that may change the directory.'] });
    expect((await turn(directive({ shell: 'ls' }), agent)).environment).toEqual({ image: 'base', setup: 'done', problems: [] });
    expect(await readdir(workspace)).toContain('made.log');
  });

  it('has a cache of packages that its agents share, for as long as there is one of them', async () => {
    const workspace = await repository('cached', settings({ setup: ['mkdir -p "$npm_config_cache" && echo from the setup > "$npm_config_cache/found"'] }));
    const elsewhere = await repository('cached elsewhere', { 'README.md': 'x\n' });
    const caches = async () => (await volumesOf(stack.deployment)).filter((name) => name.includes('-cache-'));
    await eventually(async () => expect(await caches()).not.toContain(orphan), { timeoutMs: 40_000 });
    const before = new Set(await caches());
    const added = async () => (await caches()).filter((name) => !before.has(name));
    const remove = (agentId: string) => outputOf(client, 'cleanup_inactive_agents', { agent_id: agentId, max_idle_seconds: 0, remove: true });
    const look = 'cat "$npm_config_cache/found" || echo none';
    expect(await runInAgent(client, `${look}; mkdir -p "$PIP_CACHE_DIR" && echo by the first > "$PIP_CACHE_DIR/found"`, { agent_id: 'cached-1', workspace })).toBe('from the setup');
    await rm(join(workspace, 'codex-mcp.json'));
    expect(await runInAgent(client, `${look}; cat "$PIP_CACHE_DIR/found"`, { agent_id: 'cached-2', workspace, workspace_mode: 'direct' })).toBe('from the setup\nby the first');
    expect(await added()).toHaveLength(1);
    expect(await runInAgent(client, look, { agent_id: 'cached-elsewhere', workspace: elsewhere })).toMatch(/none$/);
    expect(await runInAgent(client, 'echo "[$npm_config_cache]"; ls -A /cache', { agent_id: 'cached-own' })).toBe('[]');
    await remove('cached-1');
    await remove('cached-elsewhere');
    expect(await added()).toHaveLength(1);
    await remove('cached-2');
    expect(await added()).toEqual([]);
  });

  it('that fails or takes too long is told, and holds up neither this turn nor the next', async () => {
    const workspace = await repository('failing', settings({ setup: ['echo partly > partly.log', 'echo broken; exit 3', 'echo never > never.log'] }));
    const failing = await turn(directive({ shell: 'ls *.log' }), { agent_id: 'failing', workspace });
    expect(failing.answer).toContain('partly.log');
    expect(failing.answer).not.toContain('never.log');
    const problem = 'Setup failed: "echo broken; exit 3" ended with exit code 3. Setup runs again when codex-mcp.json or one of its lock files changes.';
    expect(failing.environment).toEqual({ image: 'base', setup: 'failed', problems: [problem] });
    expect(await events(failing.turn_id)).toContainEqual(expect.objectContaining({ type: 'command', status: 'failed', exit_code: 3, output: 'broken\n' }));
    const again = await turn(directive({ shell: 'ls' }), { agent_id: 'failing', workspace });
    expect(again.environment).toEqual(failing.environment);
    expect((await events(again.turn_id)).filter(({ text }) => text.includes('echo broken'))).toEqual([]);

    await write(workspace, 'codex-mcp.json', JSON.stringify({ setup: ['sleep 601 & sleep 601'], setup_timeout_s: 1 }));
    const late = await turn(directive({ shell: "grep -lsz '^601$' /proc/[0-9]*/cmdline | wc -l; echo counted" }), { agent_id: 'failing', workspace });
    expect(late.environment?.problems).toEqual([expect.stringMatching(/^Setup took longer than 1 s and was stopped in "sleep 601 & sleep 601"\./)]);
    expect(late.answer).toMatch(/\n0\ncounted/);
  });
});
