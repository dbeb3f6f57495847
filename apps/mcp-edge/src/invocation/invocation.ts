import type { Scope } from '@codex-mcp/contracts';
import type { JsonObject } from '@codex-mcp/tools';

/** The directory that a caller works in, or those that it may mean, the likeliest first. */
export type CallerWorkspace = { readonly path: string } | { readonly hints: readonly string[] };

/** Who calls, as a protocol adapter found out. */
export type Caller = {
  readonly tenant: string;
  /** Who of the tenant, for the audit log. */
  readonly principal?: string;
  /** What the caller may do. */
  readonly scopes: ReadonlySet<Scope>;
  /** The agent of calls that name none; normalised and checked at the call. */
  readonly defaultAgentId: string;
  readonly correlationId: string;
  /** For calls that name no directory. */
  readonly workspace?: CallerWorkspace | undefined;
};

/** Something only the person at the client can say, as MCP puts it: an embedded request, such as `elicitation/create` with its params. */
export type Question = { readonly method: string; readonly params?: JsonObject };

/**
 * Asks the person at the client, several questions by their keys at once, and resolves with the client's answers by the same keys;
 * an answer to an elicitation is `{action, content?}`. Where a client can be asked only by answering its request, it rejects with
 * InputRequired: let that pass. The client then sends the request again, with the answers, and `state` comes back as `resumed`.
 */
export type Ask = (questions: Readonly<Record<string, Question>>, state: JsonObject, signal?: AbortSignal) => Promise<Record<string, unknown>>;

/** One call of a tool, free of any protocol. */
export type Invocation = {
  readonly tool: string;
  readonly arguments: unknown;
  readonly caller: Caller;
  /** Over what the call came. */
  readonly protocol: 'mcp' | 'rest';
  /** Stands in for the argument `idempotency_key` where a protocol has a place of its own for it. */
  readonly idempotencyKey?: string;
  /** For a caller that would give up on a silent call: after this time it gets a handle, and the turn goes on. */
  readonly handleAfterMs?: number;
  /** Gets what is going on in words, at most five times a second and never silent for longer than PROGRESS_INTERVAL. */
  readonly onProgress?: (message: string) => void;
  /** Cancels the turn. A caller that merely disconnects does not abort it. */
  readonly signal?: AbortSignal;
  /** The turn that an earlier attempt of this call has begun, which this one follows instead of beginning another. */
  readonly resume?: { readonly turnId: string } | undefined;
  /** Undefined where nobody can be asked over this connection. */
  readonly ask?: Ask | undefined;
};

/** `structured` is complete in itself; `text` is the same for a person. */
export type ToolResult = { readonly structured: JsonObject; readonly text: string; readonly turnId?: string; /** A handle in place of the result. */ readonly isHandle?: true };
