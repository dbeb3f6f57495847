import type { AnswerOf, TurnTool } from '../tool.js';
import { describeIssues } from '../problem.js';
import { withoutAbsent } from '../absent.js';
import type { JsonSchema } from '../json-schema.js';

export type ParsedAnswer<T extends TurnTool> = { ok: true; answer: AnswerOf<T> } | { ok: false; problem: string };

const FENCED = /^```[a-z]*[ \t]*\r?\n([\s\S]*?)\r?\n?```$/i;

/** The schema to send as Codex's `outputSchema`; undefined for a tool whose answer is plain text. Frozen. */
export function answerSchema(tool: TurnTool): JsonSchema | undefined {
  return tool.answerSchema;
}

/** Reads Codex's final message. `problem` says what is wrong in words that a repair turn can quote. Never throws. */
export function parseAnswer<T extends TurnTool>(tool: T, text: string): ParsedAnswer<T> {
  const message = text.trim();
  if (message === '') return { ok: false, problem: 'The final message is empty.' };
  if (tool.answerSchema === undefined) return check(tool, { answer: message });
  let parsed: unknown;
  try {
    parsed = JSON.parse(FENCED.exec(message)?.[1] ?? message);
  } catch (error) {
    return { ok: false, problem: `The final message is not valid JSON: ${(error as Error).message}` };
  }
  return check(tool, withoutAbsent(parsed));
}

function check<T extends TurnTool>(tool: T, value: unknown): ParsedAnswer<T> {
  const result = tool.answer.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, answer: result.data as AnswerOf<T> };
  return { ok: false, problem: `The final message does not fit the schema: ${describeIssues(result.error.issues)}` };
}
