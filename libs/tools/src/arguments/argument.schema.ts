import { isAbsolute } from 'node:path';
import { ApprovalMode, Effort, OWN_WORKSPACE, WorkspaceMode } from '@codex-mcp/contracts';
import { z } from 'zod';

export const text = (description: string) => z.string().describe(description);

/** A list of strings; one string counts as a list of one, and a list written as JSON text is read. */
export const list = (description: string) => z.preprocess(toList, z.array(z.string())).describe(description);

/** Like {@link list}, with at least one entry. */
export const filledList = (description: string) => z.preprocess(toList, z.array(z.string()).min(1, 'must have at least one entry')).describe(description);

/** Files for the agent to read: a path or glob of the workspace each, or a file that the call brings along. */
export const fileList = (description: string) =>
  z.preprocess((value) => toList(isRecord(value) ? [value] : value), z.array(z.union([z.string(), z.lazy(() => InlineFile)]))).describe(`${description}: paths or globs relative to the workspace, or {path, content} for a file that is not there`);

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Like {@link list}; chat messages of the form `{role, content}` become "role: content". */
export const messages = (description: string) =>
  z.preprocess((value) => asArray(toList(value))?.map(messageText) ?? value, z.array(z.string())).describe(description);

/** Background in whatever form the caller has it. */
export const Material = z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]);
export type Material = z.infer<typeof Material>;
export const material = (description: string) => Material.describe(description);

/** One of a few words, in any case. */
export const choice = <T extends z.ZodType>(schema: T, description: string) =>
  z.preprocess((value) => (typeof value === 'string' ? value.trim().toLowerCase() : value), schema).describe(description);

const asArray = (value: unknown): unknown[] | undefined => (Array.isArray(value) ? value : undefined);

function toList(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return jsonList(value) ?? [value];
}

// Some models send a list argument as its JSON text.
function jsonList(value: string): unknown[] | undefined {
  if (!value.trimStart().startsWith('[')) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) && parsed.every(isListEntry) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

const isListEntry = (entry: unknown): boolean => typeof entry === 'string' || (typeof entry === 'object' && entry !== null);

const ChatMessage = z.object({ role: z.string(), content: z.string() });

function messageText(value: unknown): unknown {
  const message = ChatMessage.safeParse(value);
  return message.success ? `${message.data.role}: ${message.data.content}` : value;
}

/** `agent_id` of a tool that takes it only because every tool does. */
export const managementArguments = {
  agent_id: text('Your agent, where your connection does not say it already.').optional(),
};

/** A JSON object, which may come as its JSON text. */
export const objectOf = (description: string) => z.preprocess(toObject, z.record(z.string(), z.unknown())).describe(description);

function toObject(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** A day; longer work is better given in parts. */
const MAX_TIMEOUT_S = 86_400;

const MAX_KEY_CHARACTERS = 200;

/** Which directory of the server the agent is to work on, and how. */
export const workspaceChoice = {
  workspace: z
    .string()
    .refine((path) => isAbsolute(path) || path === OWN_WORKSPACE, `must be an absolute path of a directory on the server, or "${OWN_WORKSPACE}"`)
    .describe('Directory to work on: an absolute path on the server, below one of WORKSPACE_ROOTS; or own: the volume of the agent’s own. Default: what this session named last for the agent, else where your client says that it works, else what the agent has.')
    .optional(),
  workspace_mode: choice(WorkspaceMode, 'isolated: on a copy, whose changes `apply` takes over into the directory. direct: in the directory itself. Default: as the agent has it, else isolated.').optional(),
};

const MAX_COMMAND_CHARACTERS = 4000;

/** What tools that change files take for checking them. */
export const testArguments = {
  test_command: z
    .string()
    .max(MAX_COMMAND_CHARACTERS, `must be at most ${MAX_COMMAND_CHARACTERS} characters`)
    .describe('A shell line that is run in the workspace after the change, as the agent’s commands run; its exit code, counts and output are in `tests`. Example: npm test')
    .optional(),
  run_tests: z.boolean().describe('Run the `test` command of the repository’s codex-mcp.json that way, as it is before the change. Default: false').optional(),
};

/** What every turn tool takes besides its own arguments. */
export const turnArguments = {
  agent_id: text('The agent that does the work, with its own container, workspace and conversation. Default: that of your connection. 1-63 of a-z, 0-9, "-" and "_", beginning with a letter or digit.').optional(),
  thread_id: text('The conversation to continue, which is then the current one. Default: the current one. new_thread begins another, fork branches one off.').optional(),
  model: text("Model for this turn. Default: CODEX_MODEL of the server.").optional(),
  effort: choice(Effort, "Reasoning effort for this turn. Default: the model's own.").optional(),
  approval_mode: choice(ApprovalMode, "When Codex asks before it acts: auto, never; suggest, for what it holds to be dangerous or beyond its sandbox; manual, for every command and change. The stricter of this and the server's counts. list_approvals shows what is asked, answer_approval answers.").optional(),
  ...workspaceChoice,
  timeout_s: z.number().positive().max(MAX_TIMEOUT_S).describe('Seconds after which the turn is stopped, its commands too. Default: TURN_TIMEOUT of the server.').optional(),
  idempotency_key: z
    .string()
    .max(MAX_KEY_CHARACTERS, `must be at most ${MAX_KEY_CHARACTERS} characters`)
    .describe('A key of your choice: a call repeated with the same key and arguments to the same agent is the same turn. It gets that turn’s result, and nothing runs again.')
    .optional(),
};

const { agent_id, timeout_s, idempotency_key } = turnArguments;

/** What every workspace tool takes besides its own arguments. */
export const workspaceArguments = { agent_id, timeout_s, idempotency_key };

/** Paths of a workspace, as tools take them. */
export const paths = (description: string) => z.preprocess(toList, z.array(WorkspacePath)).describe(`${description}. Paths relative to the workspace; a directory means all below it; globs such as src/**/*.ts work`);

/** A relative path that stays inside; `..` is refused wherever it stands. */
export const WorkspacePath = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.startsWith('/') && !path.split('/').includes('..') && !path.includes('\0'), 'must be relative to the workspace, without ..');

/** A file that a call brings along. */
export const InlineFile = z.strictObject({ path: WorkspacePath.describe('What to call it'), content: z.string() });
export type InlineFile = z.infer<typeof InlineFile>;
