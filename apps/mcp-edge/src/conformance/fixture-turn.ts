import type { TurnEvent, TurnRecord } from '@codex-mcp/contracts';
import { isTerminalEvent } from '@codex-mcp/contracts';
import { z } from 'zod';

/** How a fixture's turn ends: the `output` of its `completed` event. */
export const FixtureEnd = z.union([
  z.object({ result: z.record(z.string(), z.json()) }),
  z.object({ ask: z.record(z.string(), z.object({ method: z.string(), params: z.record(z.string(), z.json()).optional() })), state: z.record(z.string(), z.json()).optional() }),
  z.object({ protocolError: z.object({ code: z.number(), message: z.string() }) }),
]);
export type FixtureEnd = z.infer<typeof FixtureEnd>;

/** What a fixture's worker wants to have said while it works: the message of a `status` event, as JSON. */
export const FixtureSaying = z.union([
  z.object({ progress: z.string() }),
  z.object({ log: z.object({ text: z.string() }) }),
  z.object({ notify: z.object({ method: z.string(), params: z.record(z.string(), z.json()) }) }),
  z.object({ changed: z.enum(['tools_list_changed', 'prompts_list_changed']) }),
  z.object({ detach: z.literal(true) }),
  /** Of a task, which waits for the answers as messages to its turn: `{key, answer}` each. */
  z.object({ questions: z.record(z.string(), z.object({ method: z.string(), params: z.record(z.string(), z.json()).optional() })) }),
]);
export type FixtureSaying = z.infer<typeof FixtureSaying>;

export const FixtureAnswer = z.object({ key: z.string(), answer: z.json() });

export const sayingOf = (event: TurnEvent): FixtureSaying | undefined => (event.type === 'status' ? FixtureSaying.safeParse(parsed(event.message)).data : undefined);

export function endOf({ terminal }: TurnRecord): FixtureEnd | undefined {
  const event = terminal?.event;
  return event && isTerminalEvent(event) && event.type === 'completed' ? FixtureEnd.parse(event.output) : undefined;
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
