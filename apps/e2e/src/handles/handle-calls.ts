import { type TurnEventView } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { type Output, outputOf } from '../stack/calls.js';

export type SeenTurn = { readonly status: string; readonly events: readonly TurnEventView[]; readonly next_cursor: string; readonly more: boolean; readonly result?: Output };

/** Starts a chat of an agent; resolves with its turn's id. */
export async function startChat(client: Client, agentId: string, message: string): Promise<string> {
  return String((await outputOf(client, 'start', { tool: 'chat', arguments: { message, write: true }, agent_id: agentId }))['turn_id']);
}

export async function getTurn(client: Client, turnId: string, args: Output = {}): Promise<SeenTurn> {
  return (await outputOf(client, 'get_turn', { turn_id: turnId, ...args })) as SeenTurn;
}

/** What a client that keeps polling from a cursor gets to see, up to the turn's end. */
export async function pollToEnd(client: Client, turnId: string, cursor?: string): Promise<{ last: SeenTurn; events: TurnEventView[]; polls: number }> {
  const events: TurnEventView[] = [];
  for (let polls = 1, after = cursor; ; polls++) {
    const last = await getTurn(client, turnId, { wait_s: 20, ...(after !== undefined && { cursor: after }) });
    events.push(...last.events);
    if (!last.more && last.status !== 'queued' && last.status !== 'running') return { last, events, polls };
    after = last.next_cursor;
  }
}

/** The finished events as the bytes that a client could compare. */
export const transcript = (events: readonly TurnEventView[]): string => JSON.stringify(events.filter(({ partial }) => partial !== true));
