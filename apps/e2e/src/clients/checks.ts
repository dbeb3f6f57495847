import { eventually } from '@codex-mcp/testing';
import { z } from 'zod';
import { directive } from '../stack/calls.js';
import { post } from '../stack/rest.js';
import { type Check, type Client, NotOffered, type Place } from './subject.js';

/** How long the model says nothing: longer than the 60 s after which many clients give up. */
export const SILENCE_MS = 90_000;
const LATE = 'the late answer';
const POLL_S = 40;
const MAX_POLLS = 10;
/** On a machine that is busy with other clients. */
const START_TIMEOUT_MS = 180_000;
const CANCEL_TIMEOUT_MS = 30_000;

const Turns = z.object({ structuredContent: z.object({ turns: z.array(z.looseObject({ turn_id: z.string(), status: z.string() })) }) });
/** However often the client has put the answer in quotes. */
const CURSOR = /next_cursor\W+(\d+-\d+)/;
const TURN_ID = /turn_[0-9a-f]{32}/;

export type Scene = { readonly client: Client; readonly place: Place; readonly url: string; readonly agentId: string };

/** Each resolves with what is worth knowing of how it passed, and rejects with why it did not. */
export const CHECKING: Record<Check, (scene: Scene) => Promise<string>> = {
  async connects({ client, place: { wire } }) {
    await client.tools();
    return [...wire.revisions].join(', ');
  },

  async lists({ client }) {
    const names = await client.tools();
    for (const tool of ['chat', 'get_turn', 'health_check']) if (!names.includes(tool)) throw new Error(`${tool} is not among ${names.slice(0, 300)}`);
    return '';
  },

  async calls({ client, agentId }) {
    const answer = await client.call({ tool: 'chat', args: { message: 'hello there', agent_id: agentId } });
    if (!/fake: .*hello there/.test(answer)) throw new Error(`answered ${answer.slice(0, 300)}`);
    return '';
  },

  async progress({ client, place: { wire }, agentId }) {
    const before = { asked: wire.askedForProgress, heard: wire.progress };
    await client.call({ tool: 'chat', args: { message: directive({ shell: 'true' }, { text: 'done' }), agent_id: agentId } });
    if (wire.askedForProgress === before.asked) throw new NotOffered('it asks for none');
    if (wire.progress === before.heard) throw new Error('it asked for some and was sent none');
    return `${wire.progress - before.heard} messages`;
  },

  async 'survives 90 s'({ client, place: { wire }, agentId }) {
    const before = wire.progress;
    const answer = await client.call({ tool: 'chat', args: { message: directive({ firstDelayMs: SILENCE_MS, text: LATE }), agent_id: agentId } });
    if (answer.includes(LATE)) return wire.progress > before ? `by ${wire.progress - before} progress messages` : 'by waiting';
    const [turnId] = TURN_ID.exec(answer) ?? [];
    if (turnId === undefined) throw new Error(`answered ${answer.slice(0, 300)}`);
    for (let poll = 1, cursor: string | undefined; poll <= MAX_POLLS; poll++) {
      const seen = await client.call({ tool: 'get_turn', args: { turn_id: turnId, wait_s: POLL_S, ...(cursor !== undefined && { cursor }) } });
      if (seen.includes(LATE)) return `by a handle and ${poll} get_turn`;
      cursor = CURSOR.exec(seen)?.[1] ?? cursor;
    }
    throw new Error(`${turnId} had no result`);
  },

  async cancels({ client, place: { wire }, url, agentId }) {
    const stop = new AbortController();
    let ended: string | undefined;
    const call = client.call({ tool: 'chat', args: { message: directive({ hang: true }), agent_id: agentId }, signal: stop.signal }).then(
      (answer) => (ended = answer),
      (error: unknown) => (ended = String(error)),
    );
    await eventually(async () => ended !== undefined || (await newestTurn(url, agentId))?.status === 'running', { timeoutMs: START_TIMEOUT_MS });
    if (ended !== undefined) throw new Error(`the call did not last: ${ended.slice(-300)}`);
    stop.abort();
    const startedAt = performance.now();
    try {
      await eventually(async () => (await newestTurn(url, agentId))?.status === 'cancelled', { timeoutMs: CANCEL_TIMEOUT_MS });
      return `after ${Math.round(performance.now() - startedAt)} ms`;
    } catch {
      if (wire.methods.includes('notifications/cancelled')) throw new Error('the turn goes on, although it was cancelled');
      throw new NotOffered('it goes away without a word, and the turn goes on');
    } finally {
      const turn = await newestTurn(url, agentId);
      if (turn?.status === 'running') await post(url, 'cancel', JSON.stringify({ turn_id: turn.turn_id }));
      await call;
    }
  },
};

async function newestTurn(url: string, agentId: string): Promise<{ turn_id: string; status: string } | undefined> {
  const { text } = await post(url, 'list_turns', JSON.stringify({ agent_id: agentId }));
  return Turns.safeParse(JSON.parse(text)).data?.structuredContent.turns[0];
}
