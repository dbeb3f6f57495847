import { randomBytes } from 'node:crypto';
import { eventually } from '@codex-mcp/testing';
import { z } from 'zod';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { directive } from '../../stack/calls.js';
import { bearer, rawRequest } from './raw-http.js';
import type { References } from './references.js';
import { TOKENS } from './tokens.js';

const Answered = z.object({ turn_id: z.string(), structuredContent: z.object({ thread_id: z.string() }) });
const Begun = z.object({ turn_id: z.string() });
const Asked = z.object({ approvals: z.array(z.object({ approval_id: z.string() })) });

const INITIALIZE = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'victim', version: '1' } } };
const PATIENCE = { timeoutMs: 60_000 };

/** A tenant with something of everything: an agent with a secret, a conversation, a turn that waits for an approval, sessions over both transports. */
export class Victim {
  private constructor(
    readonly refs: References,
    private readonly port: number,
    private readonly stream: AbortController,
    private readonly before: string,
  ) {}

  static async settle({ edgePorts: [port = 0] }: ServiceSystem, agent: string, secret: string): Promise<Victim> {
    const headers = bearer(TOKENS.victim);
    const post = async (path: string, body: object, more: Record<string, string> = {}) => rawRequest(port, path, { method: 'POST', headers: { ...headers, ...more }, body });
    const idempotencyKey = randomBytes(16).toString('hex');
    const written = await post('/tools/chat', { agent_id: agent, idempotency_key: idempotencyKey, write: true, message: directive({ shell: `echo ${secret} > secret.txt` }, { text: `noted: ${secret}` }) });
    const { structuredContent } = Answered.parse(JSON.parse(written.text));
    const waiting = await post('/tools/chat', { agent_id: agent, approval_mode: 'manual', message: `${secret} ${directive({ shell: 'echo hello' })}` }, { prefer: 'respond-async' });
    const { turn_id: turn } = Begun.parse(JSON.parse(waiting.text));
    const asked = async () => Asked.parse(JSON.parse((await rawRequest(port, `/approvals?turn_id=${turn}`, { headers })).text)).approvals;
    await eventually(async () => (await asked()).length > 0, PATIENCE);
    const session = (await post('/mcp', INITIALIZE, { accept: 'application/json, text/event-stream' })).headers['mcp-session-id'];
    const stream = new AbortController();
    const sse = await fetch(`http://127.0.0.1:${port}/sse`, { headers, signal: stream.signal });
    const sseSession = await endpointOf(sse);
    const refs = { agent, turn, thread: structuredContent.thread_id, approval: (await asked())[0]?.approval_id ?? '', session: String(session), sseSession, idempotencyKey };
    return new Victim(refs, port, stream, await stateOf(port, refs));
  }

  /** What the attacks have changed of the victim's; then its turn is ended. */
  async leave(): Promise<string[]> {
    const after = await stateOf(this.port, this.refs);
    const headers = bearer(TOKENS.victim);
    await rawRequest(this.port, `/jobs/${this.refs.turn}`, { method: 'DELETE', headers });
    this.stream.abort();
    const ended = await eventuallyEnded(this.port, this.refs.turn);
    return [...(after === this.before ? [] : [`the victim's things are not as they were: ${this.before} and then ${after}`]), ...ended];
  }
}

async function eventuallyEnded(port: number, turn: string): Promise<string[]> {
  const status = async () => z.object({ status: z.string() }).parse(JSON.parse((await rawRequest(port, `/jobs/${turn}`, { headers: bearer(TOKENS.victim) })).text)).status;
  await eventually(async () => (await status()) !== 'running', PATIENCE);
  return (await status()) === 'cancelled' ? [] : [`the victim's turn ended as ${await status()}`];
}

/** Everything of the victim's that somebody else could change. */
async function stateOf(port: number, { agent, turn, session }: References): Promise<string> {
  const headers = bearer(TOKENS.victim);
  const ask = (tool: string, body: object = { agent_id: agent }) => rawRequest(port, `/tools/${tool}`, { method: 'POST', headers, body });
  const agents = z.object({ structuredContent: z.object({ sessions: z.array(z.looseObject({ agent_id: z.string(), status: z.string() })) }) });
  const seen = agents.parse(JSON.parse((await ask('list_sessions', {})).text)).structuredContent.sessions.map(({ agent_id: id, status }) => ({ id, status }));
  const [turns, threads, approvals, list] = await Promise.all([
    ask('list_turns'),
    ask('list_threads'),
    rawRequest(port, `/approvals?turn_id=${turn}`, { headers }),
    rawRequest(port, '/mcp', { method: 'POST', headers: { ...headers, accept: 'application/json, text/event-stream', 'mcp-session-id': session }, body: { jsonrpc: '2.0', id: 1, method: 'ping' } }),
  ]);
  return JSON.stringify([seen, ...[turns, threads, approvals].map(({ text }) => [...text.matchAll(/"(?:turn_id|thread_id|approval_id|status|current)":\s*("[^"]+"|true|false)/g)].map(([, value]) => value)), list.status]);
}

async function endpointOf({ body }: Response): Promise<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    seen += part.value;
    const id = /sessionId=([^\s&]+)/.exec(seen)?.[1];
    if (id !== undefined) return id;
  }
  throw new Error('the SSE stream has no endpoint');
}
