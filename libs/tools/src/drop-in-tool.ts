import { AGENT_ID_PATTERN, type ThreadSettings } from '@codex-mcp/contracts';
import { z } from 'zod';
import { turnArguments } from './arguments/argument.schema.js';
import { deepFreeze, toJsonSchema } from './json-schema.js';
import { type Described, type Listed, turnAnnotations } from './tool.js';

/** What a call of a drop-in tool means here: a turn of `chat`. */
export type DropInCall = {
  /** Arguments of `chat`. */
  readonly chat: { readonly [argument: string]: unknown };
  /** Where the turn belongs: a conversation that begins with it, or the one of an earlier call. */
  readonly conversation: { readonly begins: ThreadSettings } | { readonly continues: SessionId };
};

/** A tool of another server under its own name, with its own arguments and results, so that its clients go on to work. */
export interface DropInTool<A extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> extends Listed {
  readonly kind: 'drop_in';
  readonly arguments: A;
  /** At least one of these arguments must be given. */
  readonly atLeastOneOf: readonly string[];
  readonly output: O;
  meaning(this: void, args: z.output<A>): DropInCall;
  render(this: void, output: z.output<O>): string;
}

const { agent_id, timeout_s, idempotency_key } = turnArguments;
const ownArguments = { agent_id, timeout_s, idempotency_key };

const dropInOutput = {
  threadId: z.string().describe('The conversation, for codex-reply'),
  content: z.string().describe('What Codex said last'),
  turn_id: z.string(),
  agent_id: z.string().describe('The agent that did the work: get_diff and apply take it'),
  status: z.enum(['queued', 'running']).describe('Only where the turn is not finished yet: content then says so').optional(),
  next: z.string().describe('Only where the turn is not finished yet: how to get its result').optional(),
};

export const DropInOutput = z.object(dropInOutput);
export type DropInOutput = z.infer<typeof DropInOutput>;

type DropInArguments<S extends z.ZodRawShape> = z.ZodObject<S & typeof ownArguments, z.core.$strict>;

type DropInToolSpec<A extends z.ZodRawShape> = Described & {
  arguments: A;
  atLeastOneOf?: readonly (keyof A & string)[];
  meaning(this: void, args: z.output<DropInArguments<A>>): DropInCall;
};

/** Completes a drop-in tool: the arguments that all tools share, its result, and all JSON schemas. */
export function defineDropInTool<const A extends z.ZodRawShape>(spec: DropInToolSpec<A>): DropInTool<DropInArguments<A>, typeof DropInOutput> {
  const args = z.strictObject({ ...spec.arguments, ...ownArguments }) as unknown as DropInArguments<A>;
  return Object.freeze({
    kind: 'drop_in' as const,
    name: spec.name,
    title: spec.title,
    description: spec.description,
    scope: 'run' as const,
    arguments: args,
    atLeastOneOf: Object.freeze([...(spec.atLeastOneOf ?? [])]),
    output: DropInOutput,
    meaning: spec.meaning,
    render: ({ content }: DropInOutput) => content,
    annotations: deepFreeze(turnAnnotations(spec.title, 'write')),
    inputSchema: toJsonSchema(args, 'input'),
    outputSchema: toJsonSchema(DropInOutput, 'output'),
  });
}

/** A conversation as a drop-in tool names it; without an agent where its caller took the id from elsewhere. */
export type SessionId = { readonly agentId?: string | undefined; readonly threadId: string };

const THREAD_ID = /^thread_[0-9a-f]{32}$/;

/** The id names the agent too, so that any connection of the tenant finds it. */
export const sessionIdText = ({ agentId, threadId }: Required<SessionId>): string => `${agentId}/${threadId}`;

/** Reads {@link sessionIdText}, or a bare thread_id; undefined where it is neither. */
export function parseSessionId(text: string): SessionId | undefined {
  const [threadId = '', agentId, ...rest] = text.trim().split('/').toReversed();
  if (!THREAD_ID.test(threadId) || rest.length > 0) return undefined;
  if (agentId === undefined) return { threadId };
  return AGENT_ID_PATTERN.test(agentId) ? { agentId, threadId } : undefined;
}
