import { z } from 'zod';
import { type ApprovalHandler, ApprovalRequests } from './approval-requests.js';
import { type ApprovalPolicy, ApprovalRequest, EnvironmentStatus, ExecResult, ModelList, ThreadOpened, Turn, TurnNotification, TurnStarted, UNUSED_NOTIFICATIONS } from './protocol.js';
import { RpcConnection, RpcError } from './rpc-connection.js';

const APPROVALS = new Set(ApprovalRequest.options.map(({ shape }): string => shape.method.value));

/** Answers to questions that are nobody's to answer: no MCP server and no tool of the client's is offered to agents. */
const REFUSED: Record<string, unknown> = {
  'mcpServer/elicitation/request': { action: 'decline', content: null },
  'item/tool/requestUserInput': { answers: {} },
  'item/tool/call': { contentItems: [{ type: 'inputText', text: 'There is no such tool.' }], success: false },
};

export type SandboxMode = 'danger-full-access' | 'workspace-write' | 'read-only';

export type OpenThread = { cwd: string; model: string; sandbox: SandboxMode; developerInstructions: string };
export type OpenedThread = { threadId: string; model: string };

export type StartTurn = {
  threadId: string;
  /** Comes back as the user item's `clientId`; tells after a crash whether this turn was begun. */
  clientUserMessageId: string;
  text: string;
  model: string;
  effort?: string | undefined;
  /** Codex keeps the last one for the thread, so each turn has its own. */
  approvalPolicy: ApprovalPolicy;
  sandboxPolicy?: object | undefined;
  /** Where its commands and patches are carried out; kept for the thread as well. */
  environments?: { environmentId: string; cwd: string }[] | undefined;
  outputSchema?: object | undefined;
};

const NO_SUCH_THREAD = /no rollout found|thread not found|not found/i;

/** One connection to a running `codex app-server`. */
export class AppServerClient {
  private constructor(
    private readonly rpc: RpcConnection,
    private readonly approvals: ApprovalRequests,
    private readonly rpcTimeoutMs: number,
  ) {}

  static async connect(url: string, options: { headers?: Record<string, string>; rpcTimeoutMs: number }): Promise<AppServerClient> {
    const approvals = new ApprovalRequests();
    const rpc = await RpcConnection.open(url, {
      ...(options.headers && { headers: options.headers }),
      timeoutMs: options.rpcTimeoutMs,
      onServerRequest: (method, params, id) => {
        if (APPROVALS.has(method)) return approvals.answer(id, method, params);
        if (method in REFUSED) return REFUSED[method];
        throw new Error(`${method} is not supported by this client`);
      },
    });
    rpc.on('notification', (method, params) => approvals.observe(method, params));
    const client = new AppServerClient(rpc, approvals, options.rpcTimeoutMs);
    try {
      await client.call('initialize', {
        clientInfo: { name: 'codex-mcp', title: 'codex-mcp', version: '0.1.0' },
        capabilities: { experimentalApi: true, requestAttestation: false, optOutNotificationMethods: UNUSED_NOTIFICATIONS },
      });
    } catch (error) {
      rpc.close();
      throw error;
    }
    rpc.notify('initialized');
    return client;
  }

  get isOpen(): boolean {
    return this.rpc.isOpen;
  }

  /** Calls back when the connection ends. Returns a function that takes the listener away. */
  onClose(listener: () => void): () => void {
    this.rpc.once('close', listener);
    return () => this.rpc.off('close', listener);
  }

  /** Calls back for each notification about turns of one thread. Returns a function that ends it. */
  onTurn(threadId: string, listener: (notification: TurnNotification) => void): () => void {
    const filter = (method: string, params: unknown) => {
      const parsed = TurnNotification.safeParse({ method, params });
      if (parsed.success && parsed.data.params.threadId === threadId) listener(parsed.data);
    };
    this.rpc.on('notification', filter);
    return () => this.rpc.off('notification', filter);
  }

  /** Asked for whatever Codex does not do without an answer in turns of one thread. Returns a function that ends it. */
  onApproval(threadId: string, handler: ApprovalHandler): () => void {
    return this.approvals.listen(threadId, handler);
  }

  async startThread(open: OpenThread): Promise<OpenedThread> {
    return opened(await this.call('thread/start', threadParams(open)));
  }

  /** Undefined when Codex has no such thread: it was never used, or its files are gone. */
  resumeThread(threadId: string, open: OpenThread): Promise<OpenedThread | undefined> {
    return ifThere(async () => opened(await this.call('thread/resume', { ...threadParams(open), threadId, excludeTurns: true })));
  }

  /** A new thread with the history of another, up to and including the last turn that `isLast`. Undefined when there is no such turn. */
  forkThread(threadId: string, isLast: (turn: Turn) => boolean, open: OpenThread): Promise<OpenedThread | undefined> {
    return ifThere(async () => {
      const last = (await this.readTurns(threadId)).findLast(isLast);
      if (!last) return undefined;
      if (last.status === 'inProgress') await this.interrupt(threadId, last.id); // given up by whoever ran it; Codex forks only after an end
      return opened(await this.call('thread/fork', { ...threadParams(open), threadId, lastTurnId: last.id, excludeTurns: true }));
    });
  }

  /** The reasoning effort that each model has where none is named. */
  async defaultEfforts(): Promise<ReadonlyMap<string, string>> {
    const { data } = ModelList.parse(await this.call('model/list', { includeHidden: true }));
    return new Map(data.map(({ model, defaultReasoningEffort }) => [model, defaultReasoningEffort]));
  }

  /** The thread's turns, newest last, with their items. */
  async readTurns(threadId: string): Promise<Turn[]> {
    const result = await this.call('thread/read', { threadId, includeTurns: true });
    return z.looseObject({ thread: z.looseObject({ turns: z.array(Turn) }) }).parse(result).thread.turns;
  }

  /** Resolves with Codex's id of the turn once Codex has taken it; its `turn/completed` may come before that. */
  async startTurn(turn: StartTurn): Promise<string> {
    const { text, ...rest } = turn;
    const result = await this.call('turn/start', { ...rest, input: [{ type: 'text', text, text_elements: [] }] });
    return TurnStarted.parse(result).turn.id;
  }

  /** Adds a message to a running turn; rejects with RpcError when that turn is over. The model sees it with its next request. */
  async steer(threadId: string, codexTurnId: string, text: string): Promise<void> {
    await this.call('turn/steer', { threadId, expectedTurnId: codexTurnId, input: [{ type: 'text', text, text_elements: [] }] });
  }

  /** Stops a turn and the commands that it left running, which `turn/interrupt` alone does not. */
  async interrupt(threadId: string, codexTurnId: string): Promise<void> {
    try {
      await this.call('turn/interrupt', { threadId, turnId: codexTurnId });
    } finally {
      await this.endCommands(threadId);
    }
  }

  /** Ends the commands that turns of a thread have left running, before the next turn begins; a later one could go on writing to them. */
  async endCommands(threadId: string): Promise<void> {
    await this.call('thread/backgroundTerminals/clean', { threadId });
  }

  /**
   * Runs a command where the agent lives, without the model. `env` adds to the environment. One that takes too long is
   * killed with all of its process group, and ends with 124. `processId`: a name to `terminate` it by.
   */
  async exec(command: string[], options: { cwd: string; timeoutMs: number; env?: Record<string, string>; outputBytesCap?: number; sandboxPolicy?: object; processId?: string }): Promise<ExecResult> {
    return ExecResult.parse(await this.rpc.request('command/exec', { command, ...options }, options.timeoutMs + this.rpcTimeoutMs));
  }

  /** Kills a running command that `exec` was given a name for. */
  async terminate(processId: string): Promise<void> {
    await this.call('command/exec/terminate', { processId });
  }

  /** Whether turns can still take place there; one that none has used yet counts as there. */
  async hasEnvironment(environmentId: string): Promise<boolean> {
    const { status } = EnvironmentStatus.parse(await this.call('environment/status', { environmentId }));
    return status === 'ready' || status === 'pending';
  }

  /** Writes a file where the agent lives, outside of every sandbox; `path` is absolute and its directory is there. */
  async writeFile(path: string, content: Buffer): Promise<void> {
    await this.call('fs/writeFile', { path, dataBase64: content.toString('base64') });
  }

  close(): void {
    this.rpc.close();
  }

  private call(method: string, params: object): Promise<unknown> {
    return this.rpc.request(method, params, this.rpcTimeoutMs);
  }
}

/** Undefined where Codex has no thread, or no turn, of that name. */
async function ifThere<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RpcError && NO_SUCH_THREAD.test(error.message)) return undefined;
    throw error;
  }
}

const threadParams = (open: OpenThread): object => ({ ...open, approvalPolicy: 'never' });

function opened(result: unknown): OpenedThread {
  const { thread, model } = ThreadOpened.parse(result);
  return { threadId: thread.id, model };
}
