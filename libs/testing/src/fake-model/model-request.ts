import { z } from 'zod';

const partsSchema = z.union([z.string(), z.array(z.looseObject({ text: z.string().nullish() }))]);

const inputItemSchema = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: partsSchema.nullish(),
  output: z.unknown().optional(),
  tools: z.array(z.unknown()).optional(),
});

const bodySchema = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(inputItemSchema)]).default([]),
  tools: z.array(z.unknown()).optional(),
  text: z
    .looseObject({ format: z.looseObject({ type: z.string(), schema: z.unknown().optional() }).nullish() })
    .nullish(),
  prompt_cache_key: z.string().nullish(),
  client_metadata: z.looseObject({ thread_id: z.string().optional(), turn_id: z.string().optional() }).nullish(),
});

const toolSchema = z.looseObject({ name: z.string().optional(), tools: z.array(z.unknown()).optional() });

type InputItem = z.infer<typeof inputItemSchema>;

/** What the fake needs to know of a Responses API request. */
export interface ModelRequest {
  readonly model: string;
  /** Codex's thread id. */
  readonly threadId: string | undefined;
  /** Codex's turn id: the same for all retries and tool rounds of one turn. */
  readonly turnId: string | undefined;
  /** The newest message of the user, without Codex's own context messages. */
  readonly userText: string;
  /** Its position in the input, -1 when there is none. */
  readonly userIndex: number;
  /** Rounds of tool calls answered since that message. */
  readonly toolRounds: number;
  /** What the newest tool round printed. */
  readonly toolOutput: string | undefined;
  readonly toolNames: readonly string[];
  /** The JSON schema that the answer must follow. */
  readonly outputSchema: unknown;
}

/** Reads a request body; throws a ZodError when it is not a Responses API request. */
export function readModelRequest(body: unknown): ModelRequest {
  const parsed = bodySchema.parse(body);
  const input: InputItem[] =
    typeof parsed.input === 'string' ? [{ role: 'user', content: parsed.input }] : parsed.input;
  const userIndex = input.findLastIndex((item) => item.role === 'user' && !isCodexContext(textOf(item.content)));
  const format = parsed.text?.format;
  return {
    model: parsed.model,
    threadId: parsed.client_metadata?.thread_id ?? parsed.prompt_cache_key ?? undefined,
    turnId: parsed.client_metadata?.turn_id,
    userText: textOf(input[userIndex]?.content),
    userIndex,
    ...readToolRounds(input.slice(userIndex + 1)),
    // Code-mode models get their tools in an input item, not in the field `tools`.
    toolNames: [...(parsed.tools ?? []), ...input.flatMap((item) => item.tools ?? [])].flatMap(namesOf),
    outputSchema: format?.type === 'json_schema' ? format.schema : undefined,
  };
}

/** How Codex opens the messages that it sends in the user's name. */
const contextOpenings = [
  '<environment_context>',
  '<user_instructions>',
  '<turn_aborted>',
  '<subagent_notification>',
  '<user_shell_command>',
  '<user_action>',
  '<recommended_plugins>',
  '<skill>',
  '# AGENTS.md instructions',
];

function isCodexContext(text: string): boolean {
  return contextOpenings.some((opening) => text.trimStart().startsWith(opening));
}

function readToolRounds(items: readonly InputItem[]): Pick<ModelRequest, 'toolRounds' | 'toolOutput'> {
  const isOutput = (item: InputItem | undefined) => item?.type?.endsWith('_call_output') === true;
  const roundStarts = items.flatMap((item, index) => (isOutput(item) && !isOutput(items[index - 1]) ? [index] : []));
  const lastStart = roundStarts.at(-1);
  if (lastStart === undefined) return { toolRounds: 0, toolOutput: undefined };
  const outputs = items.slice(lastStart).filter(isOutput);
  return { toolRounds: roundStarts.length, toolOutput: outputs.map((item) => outputText(item.output)).join('\n') };
}

function outputText(output: unknown): string {
  const parts = partsSchema.safeParse(output);
  return parts.success ? textOf(parts.data) : JSON.stringify(output ?? null);
}

function textOf(content: z.infer<typeof partsSchema> | null | undefined): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('\n');
}

function namesOf(tool: unknown): string[] {
  const parsed = toolSchema.safeParse(tool);
  if (!parsed.success) return [];
  const nested = parsed.data.tools?.flatMap(namesOf);
  return nested ?? (parsed.data.name === undefined ? [] : [parsed.data.name]);
}
