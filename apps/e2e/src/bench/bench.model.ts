import { type FakeModel, startFakeModel } from '@codex-mcp/testing';

/** The same model on all sides. */
export const MODEL = 'gpt-6.1-sol';

export const ANSWER = 'pong';
export const THINKING_MS = 1000;

/** Prompts by what the model does with them; each subject gets the same. */
export const PROMPTS = { instant: 'Say pong.', streamed: 'Say it word by word.', thoughtful: 'Think for a second.' };

/** Opens the streamed answer, and tells it from other progress. */
export const FIRST_WORD = 'streamed';

const STREAMED = { text: Array.from({ length: 40 }, () => FIRST_WORD).join(' '), chunks: 8, delayMs: 25 };

/** A model that answers at once, unless the prompt asks otherwise. Keeps few requests, as each holds a whole conversation. */
export async function startBenchModel(): Promise<FakeModel> {
  const fake = await startFakeModel({ defaultStep: { text: ANSWER, chunks: 1 }, logLimit: 50 });
  fake.rule({ match: PROMPTS.streamed, steps: [STREAMED] });
  fake.rule({ match: PROMPTS.thoughtful, steps: [{ text: ANSWER, chunks: 1, firstDelayMs: THINKING_MS }] });
  return fake;
}
