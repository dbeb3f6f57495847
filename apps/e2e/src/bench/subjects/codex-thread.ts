import { AppServerClient, type TurnNotification } from '@codex-mcp/codex';
import { newTurnId } from '@codex-mcp/contracts';
import { MODEL } from '../bench.model.js';

export type TurnTimes = { readonly totalMs: number; readonly firstTextMs: number };

const RPC_TIMEOUT_MS = 30_000;

/** A thread of a running app-server, driven over its socket with nothing in between. */
export class CodexThread {
  private constructor(
    private readonly codex: AppServerClient,
    private readonly threadId: string,
  ) {}

  static async open(socketPath: string, cwd: string): Promise<CodexThread> {
    const codex = await AppServerClient.connect(`ws+unix:${socketPath}:/`, { rpcTimeoutMs: RPC_TIMEOUT_MS });
    const { threadId } = await codex.startThread({ cwd, model: MODEL, sandbox: 'danger-full-access', developerInstructions: 'You work for another AI agent, not for a person.' });
    return new CodexThread(codex, threadId);
  }

  /** Times from the request to the first words and to the end. */
  async turn(text: string): Promise<TurnTimes> {
    const startedAt = performance.now();
    let firstTextMs = Number.NaN;
    let ignore: () => void = () => undefined;
    const ended = new Promise<string>((resolve) => {
      ignore = this.codex.onTurn(this.threadId, ({ method, params }: TurnNotification) => {
        if (method === 'item/agentMessage/delta' && Number.isNaN(firstTextMs)) firstTextMs = performance.now() - startedAt;
        if (method === 'turn/completed') resolve(params.turn.status);
      });
    });
    await this.codex.startTurn({ threadId: this.threadId, clientUserMessageId: newTurnId(), text, model: MODEL, approvalPolicy: 'never' });
    const status = await ended;
    ignore();
    if (status !== 'completed') throw new Error(`Codex ended the turn as ${status}`);
    return { totalMs: performance.now() - startedAt, firstTextMs };
  }

  close(): void {
    this.codex.close();
  }
}
