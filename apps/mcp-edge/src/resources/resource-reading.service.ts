import { AppError, type AgentRecord } from '@codex-mcp/contracts';
import { type JsonObject, MANAGEMENT_TOOLS, type OutputOf, renderOutput, WORKSPACE_TOOLS } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { chooseAgent } from '../invocation/agent-choice.js';
import type { Caller } from '../invocation/invocation.js';
import { asCallerError } from '../invocation/redis-outage.errors.js';
import { unknownThread } from '../invocation/thread.errors.js';
import { ToolInvoker } from '../invocation/tool-invoker.service.js';
import { AgentDirectory } from '../management/agent-directory.service.js';
import { agentUri, type ResourceAddress } from './resource-uri.js';

const AGENTS_A_PAGE = 50;
const MAX_THREADS = 200;
const MAX_TURNS = 100;
const MAX_FILE_LINES = 100_000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** A transcript beyond that ends with where to read on. */
const MAX_TRANSCRIPT_EVENTS = 2000;

export type ResourceContent = { readonly mimeType: string; readonly meta?: JsonObject } & ({ readonly text: string } | { readonly blob: string });

type Turn = OutputOf<(typeof MANAGEMENT_TOOLS)['get_turn']>;

/** What agents are and have, for reading. Each read is the call of a tool, with its rules: what is another tenant's is unknown. */
@Injectable()
export class ResourceReading {
  constructor(
    private readonly invoker: ToolInvoker,
    private readonly directory: AgentDirectory,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {}

  /** A page of the tenant's agents by their names; `after` is the last name of the page before. */
  async agents(tenant: string, after = ''): Promise<{ agents: AgentRecord[]; next: string | undefined }> {
    const all = await this.directory.list(tenant, undefined).catch((error: unknown) => Promise.reject(asCallerError(error)));
    const rest = all.filter(({ agentId }) => agentId > after).toSorted((a, b) => (a.agentId < b.agentId ? -1 : 1));
    const agents = rest.slice(0, AGENTS_A_PAGE);
    return { agents, next: rest.length > agents.length ? agents.at(-1)?.agentId : undefined };
  }

  /** Rejects with the AppError of the tool that was asked: `unknown_agent`, `unknown_turn`, … */
  async read(address: ResourceAddress, caller: Caller): Promise<ResourceContent> {
    const { agentId } = address;
    const ask = <T>(tool: string, args: object = {}) => this.ask<T>(tool, { agent_id: agentId, ...args }, caller);
    if (address.kind === 'agent') return json(await ask('get_agent_status'));
    // A turn for an agent that does not exist would make it.
    await this.directory.get(chooseAgent(caller, agentId)).catch((error: unknown) => Promise.reject(asCallerError(error)));
    switch (address.kind) {
      case 'threads':
        return json(await ask('list_threads', { limit: MAX_THREADS }));
      case 'thread':
        return json(await this.thread(address.threadId, chooseAgent(caller, agentId), ask));
      case 'turn':
        return this.transcript(address, ask);
      case 'file':
        return this.file(await ask('read_file', { path: address.path, limit: MAX_FILE_LINES, max_bytes: MAX_FILE_BYTES }));
      default:
        return this.diff(await ask('get_diff', address.kind === 'turn_diff' ? { turn_id: address.turnId } : {}));
    }
  }

  private async ask<T>(tool: string, args: object, caller: Caller): Promise<T> {
    const { structured, isHandle, turnId } = await this.invoker.invoke({ tool, protocol: 'mcp', arguments: args, caller, handleAfterMs: this.config.HANDLE_AFTER });
    if (isHandle) throw new AppError('service_unavailable', `The agent is at work, and this waits its turn. get_turn with turn_id "${turnId}" has it later.`);
    return structured as T;
  }

  private async thread(threadId: string, agent: Parameters<typeof unknownThread>[0], ask: <T>(tool: string, args: object) => Promise<T>): Promise<object> {
    const { threads } = await ask<OutputOf<(typeof MANAGEMENT_TOOLS)['list_threads']>>('list_threads', { limit: MAX_THREADS });
    const thread = threads.find(({ thread_id }) => thread_id === threadId);
    if (!thread) throw unknownThread(agent);
    const { turns } = await ask<OutputOf<(typeof MANAGEMENT_TOOLS)['list_turns']>>('list_turns', { limit: MAX_TURNS });
    const own = turns.filter(({ thread_id }) => thread_id === threadId).map((turn) => ({ ...turn, transcript: agentUri(agent.agentId, 'turns', turn.turn_id) }));
    return { agent_id: agent.agentId, ...thread, turns: own };
  }

  private async transcript({ agentId, turnId }: { agentId: string; turnId: string }, ask: <T>(tool: string, args: object) => Promise<T>): Promise<ResourceContent> {
    let turn = await ask<Turn>('get_turn', { turn_id: turnId });
    if (turn.agent_id !== agentId) throw new AppError('unknown_turn', `Agent "${agentId}" has no such turn.`);
    while (turn.more && turn.events.length < MAX_TRANSCRIPT_EVENTS) {
      const next = await ask<Turn>('get_turn', { turn_id: turnId, cursor: turn.next_cursor });
      turn = { ...next, events: [...turn.events, ...next.events] };
    }
    return { mimeType: 'text/markdown', text: renderOutput(MANAGEMENT_TOOLS.get_turn, turn) };
  }

  private file({ content, encoding, truncated }: OutputOf<(typeof WORKSPACE_TOOLS)['read_file']>): ResourceContent {
    const meta = truncated ? { meta: { 'codex-mcp/truncated': true } } : {};
    return encoding === 'utf-8' ? { mimeType: 'text/plain', text: content, ...meta } : { mimeType: 'application/octet-stream', blob: content, ...meta };
  }

  private diff({ diff, truncated, note }: OutputOf<(typeof WORKSPACE_TOOLS)['get_diff']>): ResourceContent {
    return { mimeType: 'text/x-diff', text: diff, ...(truncated && { meta: { 'codex-mcp/truncated': true, ...(note !== undefined && { 'codex-mcp/note': note }) } }) };
  }
}

const json = (value: object): ResourceContent => ({ mimeType: 'application/json', text: JSON.stringify(value, null, 2) });
