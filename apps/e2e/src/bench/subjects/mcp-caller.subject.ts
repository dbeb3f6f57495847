import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { FIRST_WORD } from '../bench.model.js';
import type { TurnTimes } from './codex-thread.js';

const CALL_TIMEOUT_MS = 60_000;

/** An MCP client that talks to one agent with `chat`, and listens to progress as real clients do. */
export class McpCaller {
  constructor(
    private readonly client: Client,
    readonly agentId: string,
  ) {}

  /** Times from the call to the first words of the answer in a progress message, and to the result. */
  async turn(message: string): Promise<TurnTimes> {
    const startedAt = performance.now();
    let firstTextMs = Number.NaN;
    const onprogress = (progress: { message?: string | undefined }) => {
      if (Number.isNaN(firstTextMs) && progress.message?.startsWith(FIRST_WORD)) firstTextMs = performance.now() - startedAt;
    };
    const result = CallToolResultSchema.parse(
      await this.client.callTool({ name: 'chat', arguments: { message, write: true, agent_id: this.agentId } }, CallToolResultSchema, { onprogress, timeout: CALL_TIMEOUT_MS }),
    );
    const totalMs = performance.now() - startedAt;
    if (result.isError) throw new Error(`chat failed: ${JSON.stringify(result.content)}`);
    return { totalMs, firstTextMs };
  }
}
