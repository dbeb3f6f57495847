import { z } from 'zod';

// The part of Codex 0.169's app-server protocol that is used here, as `codex app-server generate-ts` describes it.
// Objects are loose: Codex may add fields in any version.

const ItemStatus = z.string();

export const FileChange = z.looseObject({ path: z.string(), kind: z.looseObject({ type: z.string() }), diff: z.string().optional() });
export type FileChange = z.infer<typeof FileChange>;

const KnownItem = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('userMessage'), id: z.string(), clientId: z.string().nullish() }),
  z.looseObject({ type: z.literal('agentMessage'), id: z.string(), text: z.string(), phase: z.string().nullish() }),
  z.looseObject({ type: z.literal('reasoning'), id: z.string(), summary: z.array(z.string()) }),
  z.looseObject({
    type: z.literal('commandExecution'),
    id: z.string(),
    command: z.string(),
    status: ItemStatus,
    exitCode: z.number().nullish(),
    durationMs: z.number().nullish(),
    aggregatedOutput: z.string().nullish(),
  }),
  z.looseObject({
    type: z.literal('fileChange'),
    id: z.string(),
    status: ItemStatus,
    changes: z.array(FileChange),
  }),
  z.looseObject({ type: z.literal('mcpToolCall'), id: z.string(), server: z.string(), tool: z.string(), status: ItemStatus }),
  z.looseObject({ type: z.literal('plan'), id: z.string(), text: z.string() }),
  z.looseObject({ type: z.literal('exitedReviewMode'), id: z.string(), review: z.string() }),
  z.looseObject({ type: z.literal('contextCompaction'), id: z.string() }),
]);

const UnknownItem = z.looseObject({ type: z.string(), id: z.string() }).transform(({ type, id }) => ({ type: 'unknown' as const, id, name: type }));

/** One thing that Codex did. Types without a schema of their own keep their name and id. */
export const ThreadItem = z.union([KnownItem, UnknownItem]);
export type ThreadItem = z.infer<typeof ThreadItem>;

/** A class of failure: a word, or an object whose only key is the word. */
export const CodexErrorInfo = z.union([z.string(), z.record(z.string(), z.unknown())]);

export const TurnError = z.looseObject({
  message: z.string(),
  codexErrorInfo: CodexErrorInfo.nullish(),
  additionalDetails: z.string().nullish(),
});
export type TurnError = z.infer<typeof TurnError>;

export const Turn = z.looseObject({
  id: z.string(),
  status: z.enum(['inProgress', 'completed', 'interrupted', 'failed']),
  items: z.array(ThreadItem),
  error: TurnError.nullish(),
});
export type Turn = z.infer<typeof Turn>;

const Usage = z.looseObject({
  inputTokens: z.number(),
  cachedInputTokens: z.number(),
  cacheWriteInputTokens: z.number().default(0),
  outputTokens: z.number(),
  reasoningOutputTokens: z.number(),
});

/** The notifications that a turn's log is made from. */
export const TurnNotification = z.discriminatedUnion('method', [
  z.object({ method: z.literal('turn/started'), params: z.looseObject({ threadId: z.string(), turn: z.looseObject({ id: z.string() }) }) }),
  z.object({ method: z.literal('item/started'), params: z.looseObject({ threadId: z.string(), item: ThreadItem }) }),
  z.object({ method: z.literal('item/completed'), params: z.looseObject({ threadId: z.string(), item: ThreadItem }) }),
  z.object({ method: z.literal('item/agentMessage/delta'), params: z.looseObject({ threadId: z.string(), itemId: z.string(), delta: z.string() }) }),
  z.object({ method: z.literal('thread/tokenUsage/updated'), params: z.looseObject({ threadId: z.string(), tokenUsage: z.looseObject({ total: Usage, last: Usage }) }) }),
  z.object({ method: z.literal('error'), params: z.looseObject({ threadId: z.string(), error: TurnError, willRetry: z.boolean() }) }),
  z.object({ method: z.literal('turn/completed'), params: z.looseObject({ threadId: z.string(), turn: Turn }) }),
]);
export type TurnNotification = z.infer<typeof TurnNotification>;

const asked = { threadId: z.string(), itemId: z.string(), reason: z.string().nullish() };

/** Requests of Codex's that a person may have to answer. Those about files do not say which; the item that they name does. */
export const ApprovalRequest = z.discriminatedUnion('method', [
  z.object({ method: z.literal('item/commandExecution/requestApproval'), params: z.looseObject({ ...asked, command: z.string().nullish(), cwd: z.string().nullish() }) }),
  z.object({ method: z.literal('item/fileChange/requestApproval'), params: z.looseObject(asked) }),
  z.object({ method: z.literal('item/permissions/requestApproval'), params: z.looseObject({ ...asked, cwd: z.string().nullish(), permissions: z.record(z.string(), z.unknown()) }) }),
]);
export type ApprovalRequest = z.infer<typeof ApprovalRequest>;

/** When Codex asks. */
export type ApprovalPolicy = 'never' | 'on-request' | 'untrusted';

/** Notifications of no use here; Codex is asked not to send them. */
export const UNUSED_NOTIFICATIONS = [
  'item/reasoning/textDelta',
  'item/reasoning/summaryTextDelta',
  'item/reasoning/summaryPartAdded',
  'item/commandExecution/outputDelta',
  'item/fileChange/outputDelta',
  'item/fileChange/patchUpdated',
  'item/plan/delta',
  'turn/diff/updated',
  'turn/plan/updated',
  'thread/status/changed',
  'thread/name/updated',
  'account/updated',
  'account/rateLimits/updated',
  'mcpServer/startupStatus/updated',
];

export const ThreadOpened = z.looseObject({
  thread: z.looseObject({ id: z.string(), turns: z.array(Turn).optional() }),
  model: z.string(),
});

export const ModelList = z.looseObject({ data: z.array(z.looseObject({ model: z.string(), defaultReasoningEffort: z.string() })) });

export const TurnStarted = z.looseObject({ turn: z.looseObject({ id: z.string() }) });

export const EnvironmentStatus = z.looseObject({ status: z.enum(['ready', 'pending', 'disconnected', 'unknown']) });

export const ExecResult = z.looseObject({ exitCode: z.number(), stdout: z.string(), stderr: z.string() });
export type ExecResult = z.infer<typeof ExecResult>;

/** A request (id and method), a notification (method only) or a response (id only). */
export const Message = z.looseObject({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
});
