import { z } from 'zod';

const time = () => z.iso.datetime().describe('ISO 8601');

const forkOrigin = z.object({ thread_id: z.string(), turn_id: z.string().describe('The last turn that both have') });

export const forkedFrom = () => forkOrigin.describe('The thread that it was branched off');

/** A conversation as its caller sees it. */
export const ThreadView = z.object({
  thread_id: z.string(),
  title: z.string().optional().describe('As given, else the beginning of its first message'),
  current: z.boolean().describe('true: calls that name no thread_id continue it'),
  turns: z.int().nonnegative().describe('Its own turns that have ended'),
  created_at: time(),
  last_turn_at: time().optional(),
  forked_from: forkedFrom().optional(),
});
export type ThreadView = z.infer<typeof ThreadView>;
