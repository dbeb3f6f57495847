import type { ClientCapabilities, LoggingLevel, Notification } from '@modelcontextprotocol/server';
import type { JsonObject } from '@codex-mcp/tools';
import type { Principal } from '../access/principal.js';
import type { Ask, CallerWorkspace } from '../invocation/invocation.js';

/** `sessions`: revisions up to 2025-11-25, also over /sse. `stateless`: 2026-07-28, where each request stands alone. */
export type Era = 'sessions' | 'stateless';

/** The program at the other end, as it describes itself. */
export type McpClient = { readonly name: string; readonly version: string; readonly capabilities: ClientCapabilities };

/** One request of an MCP client, whatever revision and transport brought it. */
export type McpRequest = {
  readonly era: Era;
  readonly client: McpClient;
  readonly principal: Principal;
  readonly correlationId: string;
  /** Undefined where each request stands alone. */
  readonly sessionId: string | undefined;
  /** The agent of calls that name none: that of the request, its connection, or one made from the client's name and where it works. */
  defaultAgentId(): Promise<string>;
  /** The tools that the connection wants to see, for selectTools. */
  readonly toolset: string | undefined;
  /** The directory of a call that names none. */
  workspaceOf(args: unknown): Promise<CallerWorkspace | undefined>;
  /** To be called when a call has succeeded: the directory that it names is then that of its agent for the session. */
  rememberWorkspace(args: unknown): Promise<void>;
  /** Says what is going on; undefined where the client did not ask for progress. Never throws, never waits. */
  readonly onProgress?: (message: string) => void;
  /** Says something to the client's log, where it asked for that. Never throws, never waits. */
  log(level: LoggingLevel, data: unknown): void;
  /** Sends a notification on the stream of this request. Never throws, never waits. */
  notify(notification: Notification): void;
  /** What outlives the request; undefined where each request stands alone. Notifications are not on the stream of a request. Never throws, never waits. */
  readonly session?: { notify(notification: Notification): void; readonly ended: AbortSignal };
  /** Aborted when the client wants the work ended: it cancelled, or, where requests stand alone, closed the stream. */
  readonly signal: AbortSignal;
  /** Asks the client; whether it can answer is among its capabilities. */
  readonly ask: Ask;
  /** Answers to questions, by their keys, that came with the request; not looked at. */
  readonly answers: Readonly<Record<string, unknown>>;
  /** What an earlier question left with the client; it comes with the answers. */
  readonly resumed?: JsonObject;
  /** Ends the stream of this request without an answer; the client comes back for it with Last-Event-ID. Undefined where it cannot. */
  readonly detach?: () => void;
};
