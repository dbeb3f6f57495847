import { z } from 'zod';
import type { ModelRequest } from './model-request.js';

const functionCallSchema = z.strictObject({
  name: z.string(),
  arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  namespace: z.string().optional(),
});

const customCallSchema = z.strictObject({ custom: z.string(), input: z.string() });

export const toolCallSchema = z.union([functionCallSchema, customCallSchema]);

const modelErrorSchema = z.looseObject({
  message: z.string().optional(),
  type: z.string().optional(),
  code: z.string().nullable().optional(),
});

const failureFields = {
  status: z.int().min(400).max(599).optional(),
  error: modelErrorSchema.optional(),
  headers: z.record(z.string(), z.string()).optional(),
  failed: modelErrorSchema.optional(),
  disconnectAfter: z.int().min(0).optional(),
  endAfter: z.int().min(0).optional(),
  hang: z.boolean().optional(),
};

/** One model response (one HTTP exchange). Strict, so that a misspelt field is an error and not a silent default. */
export const stepSchema = z.strictObject({
  text: z.string().optional(),
  json: z.unknown().optional(),
  phase: z.enum(['commentary', 'final_answer']).optional(),
  reasoning: z.string().optional(),
  calls: z.array(toolCallSchema).optional(),
  shell: z.string().optional(),
  patch: z.string().optional(),
  chunks: z.int().min(1).optional(),
  delayMs: z.number().min(0).optional(),
  firstDelayMs: z.number().min(0).optional(),
  usage: z
    .strictObject({
      inputTokens: z.int().optional(),
      cachedTokens: z.int().optional(),
      outputTokens: z.int().optional(),
      reasoningTokens: z.int().optional(),
    })
    .optional(),
  times: z.int().min(1).optional(),
  ...failureFields,
});

/** What a `<<fake …>>` directive holds: one step, or a list of them. */
export const directiveSchema = z.union([z.strictObject({ steps: z.array(stepSchema).min(1) }), stepSchema]);

const matchSchema = z.union([
  z.string(),
  z.instanceof(RegExp),
  z.custom<(request: ModelRequest) => boolean>((value) => typeof value === 'function', 'expected a pattern or a function'),
]);

export const ruleSchema = z.strictObject({
  match: matchSchema.optional(),
  times: z.int().min(1).optional(),
  steps: z.array(stepSchema).min(1),
});

/**
 * One model response. Without `text`, `json` or a call it answers `ok`, or an instance of the requested JSON schema.
 *
 * - `text` / `json`: the assistant message, streamed in `chunks` pieces (default 3) with `delayMs` between them.
 * - `phase: 'commentary'`: an interim message. `reasoning`: a reasoning summary before the message.
 * - `calls`: raw tool calls. `shell` / `patch`: the right call for the model that asks (direct or code mode).
 * - `firstDelayMs`: pause before the first byte.
 * - `status` + `error` + `headers`: an HTTP error. `failed`: HTTP 200, then `response.failed`.
 * - `disconnectAfter` / `endAfter`: break / end the stream after that many text pieces, at the latest before
 *   `response.completed`; `disconnectAfter: 0` breaks before the response headers.
 * - `hang`: send the reasoning and text, if given, then nothing more until the client leaves.
 * - `times`: only the first n attempts fail (the failure fields above); later ones get the rest of the step.
 */
export type Step = z.input<typeof stepSchema>;

/**
 * Answers turns whose user message matches (a string is a regular expression where `.` matches newlines).
 * `times` counts turns, not requests: retries and tool rounds of one turn stay with its rule.
 */
export type Rule = z.input<typeof ruleSchema>;

export type ToolCall = z.infer<typeof toolCallSchema>;

/** The step without what makes an attempt fail. */
export function withoutFailure(step: Step): Step {
  const failing = new Set([...Object.keys(failureFields), 'times']);
  return Object.fromEntries(Object.entries(step).filter(([field]) => !failing.has(field)));
}

export function callsTools(step: Step): boolean {
  return step.shell !== undefined || step.patch !== undefined || (step.calls?.length ?? 0) > 0;
}
