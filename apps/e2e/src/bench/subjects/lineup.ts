import { join } from 'node:path';
import { temporaryDirectory } from '@codex-mcp/testing';
import { PROMPTS } from '../bench.model.js';
import type { System } from '../system.js';
import { findAgentSocket } from './agent-socket.js';
import { CodexExec } from './codex-exec.subject.js';
import { CodexThread } from './codex-thread.js';
import { McpCaller } from './mcp-caller.subject.js';
import { RawCodex } from './raw-codex.subject.js';

export type Lineup = {
  readonly raw: RawCodex;
  /** An agent's own Codex, where the agent runs and behind the gateway, without edge, queue, worker and relay. */
  readonly direct: CodexThread;
  readonly http: McpCaller;
  readonly sse: McpCaller;
  readonly exec: CodexExec;
};

/** Everything that a turn is measured on, each with a conversation of its own, so that all grow alike. */
export async function openLineup({ stack, runtime, cleanUp }: System): Promise<Lineup> {
  const raw = cleanUp.add(await RawCodex.start(stack.fake.baseUrl), (codex) => codex.stop());
  const exec = cleanUp.add(await CodexExec.create(stack.fake.baseUrl), (codex) => codex.stop());
  const client = await stack.httpClient('bench');
  const [http, sse] = [new McpCaller(client, 'bench-http'), new McpCaller(await stack.sseClient('bench'), 'bench-sse')];
  await new McpCaller(client, 'bench-direct').turn(PROMPTS.instant);
  const directory = cleanUp.add(await temporaryDirectory('cmb-'), (temporary) => temporary.remove());
  const { path, cwd } = await findAgentSocket(stack.dataDir, 'bench-direct', runtime, join(directory.path, 's'));
  const direct = cleanUp.add(await CodexThread.open(path, cwd), (thread) => thread.close());
  return { raw, direct, http, sse, exec };
}
