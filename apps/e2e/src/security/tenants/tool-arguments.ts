import type { JsonSchema, Tool } from '@codex-mcp/tools';
import type { References } from './references.js';

/** Arguments by which a call can mean something of somebody's, and what they mean it by. */
const REFERENCES: Readonly<Record<string, (refs: References) => unknown>> = {
  agent_id: ({ agent }) => agent,
  turn_id: ({ turn }) => turn,
  turn_ids: ({ turn }) => [turn],
  thread_id: ({ thread }) => thread,
  threadId: ({ agent, thread }) => `${agent}/${thread}`,
  conversationId: ({ agent, thread }) => `${agent}/${thread}`,
  approval_id: ({ approval }) => approval,
  idempotency_key: ({ idempotencyKey }) => idempotencyKey,
};

/** With these a call does what it is for, as far as that may hurt. */
const TELLING: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  cleanup_inactive_agents: { max_idle_seconds: 0, remove: true },
  fix: { symptoms: 'x' },
  implement_n: { workspace: '/nowhere', thread_id: undefined },
  codex: { prompt: 'hello' },
};

/** Names of arguments that look like references which this does not know: the attack on them is missing. */
export function unknownReferences({ name, inputSchema }: Tool): string[] {
  return Object.keys(propertiesOf(inputSchema)).filter((argument) => /(_ids?|Ids?|_key)$/.test(argument) && !(argument in REFERENCES)).map((argument) => `the row does not know what ${argument} of ${name} refers to`);
}

/** What a call of the tool needs, with every reference that it takes. */
export function argumentsFor(tool: Tool, refs: References): Record<string, unknown> {
  const properties = propertiesOf(tool.inputSchema);
  const required = new Set(tool.inputSchema['required'] as string[] | undefined);
  const given = Object.entries(properties).flatMap(([name, schema]): [string, unknown][] => {
    const reference = REFERENCES[name];
    // A key stands for one call; of the victim's, that is a turn of chat.
    if (name === 'idempotency_key' && tool.kind === 'workspace') return [];
    if (reference) return [[name, reference(refs)]];
    return required.has(name) ? [[name, sampleOf(schema)]] : [];
  });
  const own = { ...Object.fromEntries(given), ...TELLING[tool.name] };
  return tool.name === 'start' ? { ...own, tool: 'chat', arguments: { message: 'x', thread_id: refs.thread } } : own;
}

const propertiesOf = ({ properties }: JsonSchema): Record<string, JsonSchema> => (properties ?? {}) as Record<string, JsonSchema>;

function sampleOf({ type, enum: words, items, minimum }: JsonSchema): unknown {
  if (Array.isArray(words)) return words[0];
  if (type === 'array') return [sampleOf((items ?? {}) as JsonSchema)];
  if (type === 'object') return {};
  if (type === 'boolean') return true;
  return type === 'integer' || type === 'number' ? (minimum ?? 1) : 'x';
}
