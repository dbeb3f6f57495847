import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { describeWithDocker, eventually, type Step, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { ApprovalView } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { commandsIn, containerOf, execIn } from '../stack/agent-containers.js';
import { call, chat, directive, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { holderOf, turnOf, unfinishedTurns } from '../stack/turns.js';
import { fingerprintOf } from '../workspace/file-tree.js';
import { makeRepository } from '../workspace/host-repository.js';
import { attemptsScript, PATCHES } from './write-attempts.js';

/** The words of each tool that may only read, which take what the fake model is to do. */
const READING = {
  plan: (task: string) => ({ task }),
  review: (content: string) => ({ content }),
  audit: (code: string) => ({ code }),
  debug: (error_message: string) => ({ error_message }),
};

describeWithDocker('a turn that may only read', () => {
  let stack: Stack;
  let client: Client;
  let roots: TemporaryDirectory;
  let workspace: string;

  beforeAll(async () => {
    roots = await temporaryDirectory();
    stack = await startStack({ ownRedis: true, env: { WORKSPACE_ROOTS: roots.path } });
    client = await stack.httpClient('reader');
    workspace = await makeRepository(join(roots.path, 'project'), { 'a.txt': 'a\n' });
  });
  beforeEach(() => stack.fake.reset());
  afterAll(async () => {
    await stack.stop();
    await roots.remove();
  });

  const direct = { agent_id: 'reader', workspace_mode: 'direct' };
  const printed = () => stack.fake.responsesRequests().map(({ model }) => model.toolOutput ?? '').join('\n');
  const inWorkspace = () => ({ ...direct, workspace });
  const plan = (...steps: Step[]) => outputOf(client, 'plan', { ...inWorkspace(), task: directive(...steps) });

  it.each(Object.entries(READING))('%s changes no file, whatever its commands and patches try, and can look at everything', async (tool, args) => {
    const steps: Step[] = [{ shell: attemptsScript() }, ...PATCHES.map((patch) => ({ patch })), {}];
    const before = await fingerprintOf(workspace);
    await outputOf(client, tool, { ...inWorkspace(), ...args(directive(...steps)) });
    expect(printed().match(/^(WROTE|FAILED) .*/gm) ?? []).toEqual([]);
    expect(printed()).toMatch(/^ATTEMPTS-ARE-OVER$/m); // not where it quotes a script that Codex refuses to run
    expect(await fingerprintOf(workspace)).toEqual(before);
  }, 60_000);

  it('does not keep the next one from writing, nor that the one after it from being held', async () => {
    expect(await runInAgent(client, 'echo b > b.txt && cat b.txt', inWorkspace())).toBe('b');
    await plan({ shell: 'exec 2>&1; rm b.txt; cat b.txt' }, {});
    expect(printed()).toMatch(/Permission denied[^]*\nb\n/);
    await chat(client, directive({ shell: 'rm b.txt' }, { text: 'ok' }), inWorkspace());
    const agent = await outputOf(client, 'get_agent_status', { agent_id: 'reader' });
    expect(agent).toMatchObject({ read_only_turns: 'enforced' });
  });

  it('cannot write through the shell that an earlier one, which could, has left open', async () => {
    const code = (input: string) => directive({ calls: [{ custom: 'exec', input }] }, {});
    const typed = (shell: string, line: string) => code(`text((await tools.write_stdin({ session_id: ${shell}, chars: ${JSON.stringify(`${line}\n`)} })).output);`);
    await chat(client, code('const result = await tools.exec_command({ cmd: "sh -s left-open", tty: true, yield_time_ms: 250 });\ntext(`shell=${result.session_id}`);'), inWorkspace());
    const shell = /shell=(\d+)/.exec(printed())?.[1] ?? '';
    await chat(client, typed(shell, 'echo typed > typed.txt'), inWorkspace());
    await eventually(async () => expect(await runInAgent(client, 'cat typed.txt', inWorkspace())).toBe('typed'));
    const before = await fingerprintOf(workspace);
    await outputOf(client, 'plan', { ...inWorkspace(), task: typed(shell, 'rm typed.txt') });
    expect(printed()).toContain('Unknown process id');
    const container = await containerOf(stack.deployment, 'reader');
    await eventually(async () => expect((await commandsIn(container)).join('\n')).not.toContain('left-open'));
    expect(await fingerprintOf(workspace)).toEqual(before);
  });

  it('whose command ends what holds it can do nothing any more, and the next one is held again', async () => {
    const before = await fingerprintOf(workspace);
    await plan({ shell: 'kill -9 $PPID' }, { shell: 'echo x > a.txt; echo CAME-THROUGH' }, {});
    expect(printed()).not.toContain('CAME-THROUGH');
    await plan({ shell: 'exec 2>&1; echo x > a.txt; cat a.txt; echo CAME-AGAIN' }, {});
    expect(printed()).toMatch(/Permission denied[^]*CAME-AGAIN/);
    expect(await fingerprintOf(workspace)).toEqual(before);
  });

  it('is held as well after its worker was killed', async () => {
    const before = await fingerprintOf(workspace);
    const planned = plan({ shell: 'until [ -e /tmp/go ]; do sleep 0.05; done' }, { shell: 'exec 2>&1; echo x > a.txt; echo WENT-ON' }, {});
    const container = await eventually(() => containerOf(stack.deployment, 'reader'));
    await eventually(async () => expect((await commandsIn(container)).join('\n')).toContain('/tmp/go'));
    const [turn] = await unfinishedTurns(stack.redis(), 'reader');
    process.kill(await holderOf(stack.redis(), 'reader'), 'SIGKILL');
    await eventually(async () => expect((await turnOf(stack.redis(), turn?.request.turnId ?? '')).attempts).toBe(2), { timeoutMs: 90_000 });
    await execIn(container, 'touch', '/tmp/go');
    await planned;
    expect(printed()).toMatch(/Permission denied[^]*WENT-ON/);
    expect(await fingerprintOf(workspace)).toEqual(before);
  }, 150_000);

  it('leaves no command behind when it is cancelled', async () => {
    const cancelled = call(client, 'plan', { ...inWorkspace(), task: directive({ shell: 'sleep 86398.5' }, {}) });
    const container = await eventually(() => containerOf(stack.deployment, 'reader'));
    const sleeps = async () => (await commandsIn(container)).filter((command) => command.startsWith('sleep 86398.5'));
    await eventually(async () => expect(await sleeps()).toHaveLength(1));
    const [turn] = await unfinishedTurns(stack.redis(), 'reader');
    await outputOf(client, 'cancel', { turn_id: turn?.request.turnId });
    expect(await cancelled).toMatchObject({ isError: true });
    await eventually(async () => expect(await sleeps()).toEqual([]));
  });

  it('is not let write by who approves of its commands', async () => {
    const before = await fingerprintOf(workspace);
    const steps = directive({ shell: 'exec 2>&1; echo x > a.txt; echo APPROVED-OF' }, { patch: PATCHES[0] ?? '' }, {});
    const turn = outputOf(client, 'plan', { ...inWorkspace(), task: steps, approval_mode: 'manual' });
    for (const kind of ['command', 'file_change']) {
      const approval = await eventually(async () => ((await outputOf(client, 'list_approvals'))['approvals'] as ApprovalView[]).find((open) => open.kind === kind) ?? null);
      await outputOf(client, 'answer_approval', { approval_id: approval.approval_id, decision: 'accept' });
    }
    await turn;
    expect(printed()).toMatch(/Permission denied[^]*APPROVED-OF/);
    expect(await fingerprintOf(workspace)).toEqual(before);
  }, 60_000);
});
