import type { FakeModel } from '@codex-mcp/testing';
import { z } from 'zod';

const Said = z.looseObject({ type: z.literal('message'), role: z.enum(['user', 'assistant']), content: z.array(z.looseObject({ text: z.string() })) });
const Body = z.looseObject({ input: z.array(z.unknown()) });

/** Codex's own messages in the user's name are marked up, such as `<environment_context>`. */
const isContext = (text: string): boolean => /^<\w/.test(text);

/** What the model was sent with the newest request whose last message matches: all that was said, oldest first. */
export function historySent(fake: FakeModel, last: string): string[] {
  const histories = fake.responsesRequests().map(({ body }) => historyOf(body));
  const found = histories.findLast((history) => history.at(-1)?.includes(last));
  if (!found) throw new Error(`the model was never asked "${last}", but: ${histories.map((history) => history.at(-1)).join(', ')}`);
  return found;
}

function historyOf(body: unknown): string[] {
  const said = Body.parse(body).input.flatMap((item) => Said.safeParse(item).data ?? []);
  return said.map(({ content }) => content.map(({ text }) => text).join('')).filter((text) => !isContext(text));
}
