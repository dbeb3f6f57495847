import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { TurnStore } from '@codex-mcp/messaging';
import { LoneEdge } from '../edge/lone-edge.js';
import { MCP_HEADERS, StalledReader } from '../edge/stalled-reader.js';
import type { OwnRow, RowContext, RowOutcome } from './row.js';

/** 50 readers, each of 20 MB: of a turn's events, of answers to calls, of a session over /sse, of one answer. */
const [OF_EVENTS, OF_CALLS, OF_SESSIONS, OF_ANSWERS] = [25, 10, 10, 5];
const EVENTS = { count: 80, characters: 256 * 1024 };
const CALLS = { count: 20, characters: 500_000 };
const ANSWER_CHARACTERS = 10_000_000;
const LISTS = 130;
const MAX_GROWTH_MB = 100;
/** Long enough that all are there before the first is dropped for it. */
const STALL_TIMEOUT_S = 30;
const PATIENCE_MS = 30_000;
/** Of the readers, so many read at first. */
const SHARE_OF_READING = 3;

/** Clients that ask for much and read nothing. */
export const slowReadersRow: OwnRow = {
  number: 20,
  title: 'slow SSE readers',
  unavailable: () => (process.platform === 'linux' ? undefined : 'memory is looked at in /proc'),
  mutation: { file: 'apps/mcp-edge/dist/http/stalled-connections.js', find: '[unread.filter(({ idleMs }) => idleMs > stallTimeoutMs), unread.filter(({ idleMs }) => idleMs <= stallTimeoutMs)]', replace: '[[], []]' },
  alsoMutants: [
    { file: 'apps/mcp-edge/dist/mcp/sessions/session-transport.js', find: 'isKept ? this.log : undefined', replace: 'undefined' },
    { file: 'apps/mcp-edge/dist/rest/jobs.controller.js', find: "request.get('Last-Event-ID')", replace: 'undefined' },
  ],
  async run({ root, scaled, cleanUp }: RowContext): Promise<RowOutcome> {
    const stallTimeoutS = scaled(STALL_TIMEOUT_S);
    const edge = await LoneEdge.start(root, cleanUp, { STALL_TIMEOUT: String(stallTimeoutS) });
    const [events, answer, large] = [await longTurn(edge), await largeTurn(edge, CALLS.characters), await largeTurn(edge, ANSWER_CHARACTERS)];
    const many = (count: number, make: () => Stalling) => Array.from({ length: scaled(count) }, make);
    const all = [...many(OF_EVENTS, () => eventsOf(edge, events)), ...many(OF_CALLS, () => callsOf(edge, answer)), ...many(OF_SESSIONS, () => sessionOf(edge)), ...many(OF_ANSWERS, () => answerOf(edge, large))];
    // What serving them costs, and is collected late, is there with readers who read, too: asked for is what it costs that others do not.
    const usual = edge.watchMemory();
    for (const one of all.filter((_, index) => index % SHARE_OF_READING === 0)) await one.readAll?.();
    const [before, sockets] = [await usual(), await edge.openSockets()];
    const peak = edge.watchMemory();
    const open = [];
    for (const one of all) open.push({ one, reader: await one.open() });
    const failures: string[] = await edge.closedDownTo(sockets, stallTimeoutS * 1000 + PATIENCE_MS).then(() => [], () => ['readers were never dropped']);
    const grown = Math.max(0, (await peak()) - before);
    for (const { one, reader } of open) failures.push(...(await one.resume(await reader.read())));
    return {
      tried: `${all.length} readers of 20 MB`,
      measured: `${Math.round(before)} MB with those who read, +${Math.round(grown)} MB`,
      failures: [...new Set(failures)],
      slow: grown <= MAX_GROWTH_MB ? [] : [`memory grew by ${Math.round(grown)} MB, more than ${MAX_GROWTH_MB}`],
    };
  },
};

type Read = Awaited<ReturnType<StalledReader['read']>>;
/** `resume`: what was not as it must be when the reader came back. */
type Stalling = { readonly readAll?: () => Promise<unknown>; open(): Promise<StalledReader>; resume(read: Read): Promise<string[]> };

const agent = { tenant: 'victims', agentId: 'talker', key: agentKey('victims', 'talker') };

async function begin(edge: LoneEdge) {
  const turns = new TurnStore(edge.redis);
  const turn: TurnRequest = { turnId: newTurnId(), tool: 'chat', agent, arguments: { message: 'x' }, correlationId: 'slow', acceptedAtMs: Date.now() };
  await turns.accept(turn, 10);
  const claim = await turns.claim(turn.turnId, agent.key, { holder: 'nobody', token: 't' });
  if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
  return { turns, turn, ...claim };
}

/** A turn that is over and had much to say. */
async function longTurn(edge: LoneEdge): Promise<string> {
  const { turns, turn, attempts, seq } = await begin(edge);
  const text = 'z'.repeat(EVENTS.characters);
  for (let at = 1; at <= EVENTS.count; at++) await turns.append(turn.turnId, attempts, seq + at, [{ type: 'item_completed', item: { type: 'message', id: `m${at}`, text, interim: true } }]);
  await turns.finish(turn, attempts, seq + EVENTS.count + 1, { type: 'completed', output: outputOf(turn, 'done') });
  return turn.turnId;
}

/** One with a large result. */
async function largeTurn(edge: LoneEdge, characters: number): Promise<string> {
  const { turns, turn, attempts, seq } = await begin(edge);
  await turns.finish(turn, attempts, seq + 1, { type: 'completed', output: outputOf(turn, 'a'.repeat(characters)) });
  return turn.turnId;
}

const outputOf = ({ turnId }: TurnRequest, answer: string) => ({ answer, turn_id: turnId, agent_id: agent.agentId, thread_id: 'thread', duration_ms: 1, commands: [] });

function eventsOf(edge: LoneEdge, turnId: string): Stalling {
  const url = `${edge.url}/jobs/${turnId}/events`;
  const framesOf = (text: string) => [...text.matchAll(/^id: (\S+)\nevent: (\w+)\ndata: \{"seq":(\d+),.*\n\n/gm)].map(([, id = '', , seq]) => ({ id, seq: Number(seq) }));
  const open = () => StalledReader.open(url);
  return {
    readAll: async () => (await open()).read(),
    open,
    async resume({ text, isWhole }) {
      const first = framesOf(text);
      const again = await (await StalledReader.open(url, { headers: { 'last-event-id': first.at(-1)?.id ?? '0-0' } })).read();
      const seqs = [...first, ...framesOf(again.text)].map(({ seq }) => seq);
      const isWithoutGap = seqs.every((seq, index) => seq === index + 1);
      return [...(isWhole ? ['a reader of events was given all at once'] : []), ...(isWithoutGap && again.isWhole && seqs.length === EVENTS.count + 3 ? [] : [`events were lost or repeated (${seqs.length} of ${EVENTS.count + 3})`])];
    },
  };
}

const initialize = { jsonrpc: '2.0', id: 'initialize', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'slow', version: '1' } } };

const post = async (edge: LoneEdge, path: string, body: unknown): Promise<StalledReader> => {
  const answer = await StalledReader.open(`${edge.url}${path}`, { method: 'POST', headers: MCP_HEADERS, body });
  await answer.read();
  return answer;
};

function callsOf(edge: LoneEdge, turnId: string): Stalling {
  const session: Record<string, string> = {};
  const calls = Array.from({ length: CALLS.count }, (_, at) => ({ jsonrpc: '2.0', id: `call-${at}`, method: 'tools/call', params: { name: 'get_turn', arguments: { turn_id: turnId } } }));
  const answersOf = (text: string) => [...text.matchAll(/^id: (\S+)\ndata: (\{.*\})\n\n/gm)].map(([, id = '', data = '']) => ({ id, call: (JSON.parse(data) as { id: string }).id }));
  const open = async () => {
    session['mcp-session-id'] = String((await post(edge, '/mcp', initialize)).header['mcp-session-id']);
    return StalledReader.open(`${edge.url}/mcp`, { method: 'POST', headers: { ...MCP_HEADERS, ...session }, body: calls });
  };
  return {
    readAll: async () => (await open()).read(),
    open,
    async resume({ text, isWhole }) {
      const first = answersOf(text);
      const last = first.at(-1)?.id ?? /^id: (\S+)$/m.exec(text)?.[1] ?? '';
      const again = await (await StalledReader.open(`${edge.url}/mcp`, { headers: { ...MCP_HEADERS, ...session, 'last-event-id': last } })).read();
      const answered = [...first, ...answersOf(again.text)].map(({ call }) => call);
      const isComplete = answered.length === calls.length && new Set(answered).size === calls.length;
      return [...(isWhole ? ['a reader of answers was given all at once'] : []), ...(isComplete ? [] : [`answers were lost or repeated (${answered.length} of ${calls.length})`])];
    },
  };
}

/** Without a log to resume from: it is over, before it has taken all. */
function sessionOf(edge: LoneEdge): Stalling {
  let path = '';
  let taken = 0;
  return {
    async open() {
      const reader = await StalledReader.open(`${edge.url}/sse`);
      path = /^data: (\S+)$/m.exec(await reader.beginning())?.[1] ?? '';
      for (const message of [initialize, { jsonrpc: '2.0', method: 'notifications/initialized' }]) await post(edge, path, message);
      while (taken < LISTS && (await post(edge, path, { jsonrpc: '2.0', id: taken, method: 'tools/list' })).status === 202) taken += 1;
      return reader;
    },
    async resume({ text }) {
      const { status } = await post(edge, path, { jsonrpc: '2.0', id: 'late', method: 'ping' });
      return [...(status === 404 ? [] : [`a session without a reader answers ${status}`]), ...(text.includes(`"id":${LISTS - 1},`) ? ['a session was told all without a reader'] : []), ...(text.includes('"id":0') ? [] : ['a session brought nothing'])];
    },
  };
}

/** One answer: nothing to resume, it is asked for again. */
function answerOf(edge: LoneEdge, turnId: string): Stalling {
  const open = () => StalledReader.open(`${edge.url}/jobs/${turnId}`);
  return { readAll: async () => (await open()).read(), open, resume: async ({ isWhole }) => (isWhole ? ['who read nothing of an answer got it all'] : []) };
}
