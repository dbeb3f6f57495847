import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type FakeModel, startFakeModel, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AppServerClient, type AskedApproval, locateCodex, renderAgentConfig, toAppError, toTurnItem, type Turn, type TurnNotification } from './index.js';

let model: FakeModel;
let directory: TemporaryDirectory;
let server: ChildProcess;
let client: AppServerClient;
let socket: string;
let workspace: string;

const MODEL = 'gpt-6.1-sol';

beforeAll(async () => {
  model = await startFakeModel();
  directory = await temporaryDirectory();
  workspace = join(directory.path, 'workspace');
  const home = join(directory.path, 'home');
  for (const path of [workspace, home, join(directory.path, 'run')]) mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(home, 'config.toml'), config(), { mode: 0o444 });
  const requested = join(directory.path, 'run', 's.sock');
  socket = `/tmp/codex-daemon-${process.getuid?.()}/${createHash('sha256').update(requested).digest('hex')}`;
  server = spawn(locateCodex().codex, ['app-server', '--strict-config', '--listen', `unix://${requested}`], { env: { PATH: process.env['PATH'], HOME: home, CODEX_HOME: home }, stdio: 'ignore' });
  await eventually(() => existsSync(socket));
  client = await connect();
});

afterAll(async () => {
  client.close();
  server.kill('SIGKILL');
  await model.close();
  await directory.remove();
});

/** Ours, but for how often Codex tries again, which takes seconds. */
const config = () => renderAgentConfig({ model: MODEL, baseUrl: model.baseUrl, untrusted: [workspace] }).replaceAll('max_retries = 3', 'max_retries = 1');
const connect = () => eventually(() => AppServerClient.connect(`ws+unix:${socket}:/`, { rpcTimeoutMs: 10_000 }));
const open = () => ({ cwd: workspace, model: MODEL, sandbox: 'danger-full-access' as const, developerInstructions: 'Work.' });

async function run(threadId: string, text: string, extra: object = {}): Promise<{ turn: Turn; notifications: TurnNotification[] }> {
  const notifications: TurnNotification[] = [];
  let ignore: () => void = () => undefined;
  const done = new Promise<Turn>((resolve) => {
    ignore = client.onTurn(threadId, (notification) => {
      notifications.push(notification);
      if (notification.method === 'turn/completed') resolve(notification.params.turn);
    });
  });
  await client.startTurn({ threadId, clientUserMessageId: 'id-1', text, model: MODEL, approvalPolicy: 'never', ...extra });
  return { turn: await done.finally(ignore), notifications };
}

const itemsOf = (notifications: TurnNotification[]) =>
  notifications.flatMap((notification) => (notification.method === 'item/completed' ? (toTurnItem(notification.params.item) ?? []) : []));

describe('against the pinned Codex', () => {
  it('starts on our config.toml without touching it, and reaches nobody but the model provider', async () => {
    const { threadId } = await client.startThread(open());
    await run(threadId, 'hello');
    expect(readFileSync(join(directory.path, 'home', 'config.toml'), 'utf8')).toBe(config());
    const request = model.responsesRequests().at(-1);
    expect(request?.path).toBe('/v1/responses');
    expect(request?.headers['authorization']).toBeUndefined();
  });

  it('streams a message and maps what Codex did', async () => {
    const { threadId } = await client.startThread(open());
    const { turn, notifications } = await run(threadId, '<<fake {"steps":[{"shell":"echo hi && exit 3"},{"text":"all done","chunks":3}]}>>');
    expect(turn.status).toBe('completed');
    expect(itemsOf(notifications)).toEqual([
      expect.objectContaining({ type: 'command', command: 'echo hi && exit 3', exitCode: 3, output: expect.stringContaining('hi') }),
      { type: 'message', id: expect.any(String), text: 'all done', interim: false },
    ]);
    expect(notifications.filter(({ method }) => method === 'item/agentMessage/delta').length).toBeGreaterThan(1);
  });

  it('maps a patch with its files', async () => {
    const { threadId } = await client.startThread(open());
    const patch = '*** Begin Patch\n*** Add File: made.txt\n+one\n*** End Patch';
    const { notifications } = await run(threadId, `<<fake ${JSON.stringify({ steps: [{ patch }, { text: 'ok' }] })}>>`);
    expect(itemsOf(notifications)).toContainEqual(expect.objectContaining({ type: 'file_change', status: 'completed', files: [{ path: expect.stringContaining('made.txt'), kind: 'add' }] }));
    expect(readFileSync(join(workspace, 'made.txt'), 'utf8')).toBe('one\n');
  });

  it('finds a turn again by the id that it was given', async () => {
    const { threadId } = await client.startThread(open());
    await run(threadId, 'remember', { clientUserMessageId: 'turn_abc' });
    const again = await connect();
    expect(await again.resumeThread(threadId, open())).toMatchObject({ threadId });
    const turns = await again.readTurns(threadId);
    expect(turns.map(({ status }) => status)).toEqual(['completed']);
    expect(turns[0]?.items).toContainEqual(expect.objectContaining({ type: 'userMessage', clientId: 'turn_abc' }));
    again.close();
  });

  it('has no thread where there never was one', async () => {
    expect(await client.resumeThread('01a203b1-a782-7da3-9a3c-d56d059f5228', open())).toBeUndefined();
  });

  it('stops a turn and the command that it runs', async () => {
    const { threadId } = await client.startThread(open());
    const marker = '86399.25';
    const turn = run(threadId, `<<fake {"shell":"sleep ${marker}"}>>`);
    const running = () => execFileSync('pgrep', ['-fx', `sleep ${marker}`], { encoding: 'utf8' }).trim();
    await eventually(running);
    const codexTurnId = (await client.readTurns(threadId)).at(-1)?.id ?? '';
    await client.interrupt(threadId, codexTurnId);
    expect((await turn).turn.status).toBe('interrupted');
    await eventually(() => expect(running).toThrow());
  });

  it('ends the shell that a turn has left open, before the next turn can write to it', async () => {
    const { threadId } = await client.startThread(open());
    await client.endCommands(threadId);
    const code = (input: string) => `<<fake ${JSON.stringify({ steps: [{ calls: [{ custom: 'exec', input }] }, { text: 'ok' }] })}>>`;
    const printed = () => model.responsesRequests().at(-1)?.model.toolOutput ?? '';
    const type = (session: string, file: string) => run(threadId, code(`const result = await tools.write_stdin({ session_id: ${session}, chars: "echo x > ${file}\\n", yield_time_ms: 250 });\ntext(result.output);`));
    await run(threadId, code('const result = await tools.exec_command({ cmd: "sh", tty: true, yield_time_ms: 250 });\ntext(`session=${result.session_id}`);'));
    const session = /session=(\d+)/.exec(printed())?.[1] ?? '';
    await type(session, 'typed.txt');
    await eventually(() => existsSync(join(workspace, 'typed.txt')));
    await client.endCommands(threadId);
    await type(session, 'typed-later.txt');
    expect(printed()).toContain('Unknown process id');
    expect(existsSync(join(workspace, 'typed-later.txt'))).toBe(false);
  });

  it('runs a command without the model', async () => {
    const result = await client.exec(['sh', '-c', 'echo "$NAME"; exit 4'], { cwd: workspace, timeoutMs: 5000, env: { NAME: 'value' }, sandboxPolicy: { type: 'dangerFullAccess' } });
    expect(result).toMatchObject({ exitCode: 4, stdout: 'value\n' });
  });

  it('kills a command by its name, with all that it has started', async () => {
    const pidFile = join(workspace, 'child.pid');
    const script = 'tree=$(trap "rm -f nothing" EXIT; sleep 300 & echo $! > child.pid; wait)';
    const over = client.exec(['sh', '-c', script], { cwd: workspace, timeoutMs: 300_000, sandboxPolicy: { type: 'dangerFullAccess' }, processId: 'mine' });
    await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '');
    await expect(client.terminate('other')).rejects.toThrow();
    await client.terminate('mine');
    expect((await over).exitCode).not.toBe(0);
    const commandLine = `/proc/${readFileSync(pidFile, 'utf8').trim()}/cmdline`;
    const isRunning = () => existsSync(commandLine) && readFileSync(commandLine, 'utf8').includes('sleep');
    await eventually(() => !isRunning());
  });

  it('tells that the connection ended', async () => {
    const other = await connect();
    const closed = new Promise<void>((resolve) => void other.onClose(resolve));
    other.close();
    await closed;
    await expect(other.readTurns('x')).rejects.toMatchObject({ code: 'agent_start_failed' });
  });
});

describe('approvals', () => {
  const asking = { approvalPolicy: 'untrusted' };
  const patch = '*** Begin Patch\n*** Add File: asked.txt\n+one\n*** End Patch';
  const steps = (...first: object[]) => `<<fake ${JSON.stringify({ steps: [...first, { text: 'the end' }] })}>>`;

  it('are asked for with what they are about, and decide what is done', async () => {
    const { threadId } = await client.startThread(open());
    const asked: AskedApproval[] = [];
    const ignore = client.onApproval(threadId, async (one) => (asked.push(one) === 1 ? 'decline' : 'accept'));
    const { turn, notifications } = await run(threadId, steps({ shell: 'echo no > no.txt' }, { shell: 'echo yes' }, { patch }), asking);
    ignore();
    expect(turn.status).toBe('completed');
    expect(asked.map(({ subject }) => subject)).toEqual([
      { kind: 'command', command: 'echo no > no.txt', cwd: workspace },
      { kind: 'command', command: 'echo yes', cwd: workspace },
      { kind: 'file_change', files: [{ path: join(workspace, 'asked.txt'), kind: 'add', diff: 'one\n' }] },
    ]);
    expect(itemsOf(notifications)).toMatchObject([{ type: 'command', status: 'declined' }, { type: 'command', output: 'yes\n' }, { type: 'file_change', status: 'completed' }, { type: 'message' }]);
    expect(existsSync(join(workspace, 'no.txt'))).toBe(false);
    expect(existsSync(join(workspace, 'asked.txt'))).toBe(true);
  });

  it('of a kind that Codex allows by itself are not asked for', async () => {
    const { threadId } = await client.startThread(open());
    const asked: AskedApproval[] = [];
    const ignore = client.onApproval(threadId, async (one) => {
      asked.push(one);
      return 'decline';
    });
    await run(threadId, steps({ shell: 'ls' }, { shell: 'rm -rf nothing' }), { approvalPolicy: 'on-request' });
    await run(threadId, steps({ shell: 'ls' }, { shell: 'rm -rf nothing' }), { approvalPolicy: 'never' });
    ignore();
    expect(asked.map(({ subject }) => subject)).toMatchObject([{ kind: 'command', command: 'rm -rf nothing' }]);
  });

  it('last for the same command where they are given for the session, and end the turn where it is cancelled', async () => {
    const { threadId } = await client.startThread(open());
    let asked = 0;
    const ignore = client.onApproval(threadId, async () => (++asked === 1 ? 'accept_for_session' : 'cancel'));
    const { turn } = await run(threadId, steps({ shell: 'echo twice' }, { shell: 'echo twice' }, { shell: 'echo other' }), asking);
    ignore();
    expect([asked, turn.status]).toEqual([2, 'interrupted']);
  });

  it('are asked for again over the next connection, under the same key, and wait for whoever listens', async () => {
    const lost = await connect();
    const { threadId } = await lost.startThread(open());
    const first = new Promise<AskedApproval>((resolve) => {
      lost.onApproval(threadId, (one) => {
        resolve(one);
        return new Promise(() => undefined);
      });
    });
    await lost.startTurn({ threadId, clientUserMessageId: 'id-2', text: steps({ shell: 'echo later > later.txt' }), model: MODEL, approvalPolicy: 'untrusted' });
    const { key } = await first;
    lost.close();
    const next = await connect();
    await next.resumeThread(threadId, open());
    await next.readTurns(threadId); // the question came before this answer
    const second = new Promise<AskedApproval>((resolve) => {
      next.onApproval(threadId, (one) => {
        resolve(one);
        return Promise.resolve('accept');
      });
    });
    expect(await second).toMatchObject({ key, subject: { kind: 'command' } });
    await eventually(() => existsSync(join(workspace, 'later.txt')));
    next.close();
  });
});

describe('failures of the model', () => {
  const overloaded = { code: 'server_is_overloaded', message: 'busy' };
  const gatewayError = (code: string) => ({ status: 400, error: { code, type: 'invalid_request_error', message: 'what to do' } });

  it.each([
    ['an exhausted quota', { status: 429, error: { type: 'usage_limit_reached', message: 'usage limit' } }, 'quota_exceeded'],
    ['a quota that ran out of money', { status: 429, error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'pay' } }, 'quota_exceeded'],
    ['a quota that runs out under way', { failed: { code: 'insufficient_quota', message: 'pay' } }, 'quota_exceeded'],
    ['refused credentials', { status: 401, error: { code: 'invalid_api_key', message: 'Incorrect API key' } }, 'model_unauthorized'],
    ['a refused account', { status: 403, error: { message: 'not for you' } }, 'model_unauthorized'],
    ['a rate limit', { status: 429, error: { code: 'rate_limit_exceeded', message: 'slow down' } }, 'rate_limited'],
    ['a rate limit under way', { failed: { code: 'rate_limit_exceeded', message: 'Please try again in 0.1s.' } }, 'rate_limited'],
    ['overload', { status: 503, error: overloaded }, 'model_overloaded'],
    ['overload under way', { failed: overloaded }, 'model_overloaded'],
    ['overload that has a status of its own', { status: 529 }, 'model_overloaded'],
    ['a context that is too long', { failed: { code: 'context_length_exceeded', message: 'too long' } }, 'context_window_exceeded'],
    ['a context that is refused at once', { status: 400, error: { code: 'context_length_exceeded', message: 'too long' } }, 'context_window_exceeded'],
    ['an unknown model', { status: 404, error: { code: 'model_not_found', message: 'no such model' } }, 'model_not_found'],
    ['a service that fails', { status: 500 }, 'model_failed'],
    ['a service that fails under way', { failed: { code: 'server_error', message: 'oops' } }, 'model_failed'],
    ['a service that ends too early', { endAfter: 1 }, 'model_failed'],
    ['a service that hangs up', { disconnectAfter: 0 }, 'model_unreachable'],
    ['a service that breaks off', { disconnectAfter: 1 }, 'model_unreachable'],
    ['no sign-in, as the gateway says it', gatewayError('codex_mcp_not_signed_in'), 'not_signed_in'],
    ['a spent budget, as the gateway says it', gatewayError('codex_mcp_budget_spent'), 'budget_exceeded'],
    ['an unreachable service, as the gateway says it', gatewayError('codex_mcp_upstream_unreachable'), 'model_unreachable'],
    ['a failing service, as the gateway says it', gatewayError('codex_mcp_upstream_failed'), 'model_failed'],
    ['the same inside a stream', { failed: { code: 'invalid_prompt', message: JSON.stringify(gatewayError('codex_mcp_upstream_failed')) } }, 'model_failed'],
  ])('names %s', async (_, step, code) => {
    const { threadId } = await client.startThread(open());
    const { turn } = await run(threadId, `<<fake ${JSON.stringify(step)}>>`);
    expect(turn.status).toBe('failed');
    const error = toAppError(turn.error);
    expect({ code: error.code, words: turn.error }).toMatchObject({ code });
  }, 60_000);

  it('leaves the gateway’s words as they are', async () => {
    const { threadId } = await client.startThread(open());
    const { turn } = await run(threadId, `<<fake ${JSON.stringify(gatewayError('codex_mcp_upstream_failed'))}>>`);
    expect(toAppError(turn.error)).toMatchObject({ code: 'model_failed', message: 'what to do' });
  });

  it('keeps Codex’s words where it has no class for them', () => {
    expect(toAppError({ message: 'odd thing', codexErrorInfo: 'other' })).toMatchObject({ code: 'turn_failed', message: expect.stringContaining('odd thing') });
  });
});
