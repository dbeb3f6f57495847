import { z } from 'zod';

const problemSchema = z.looseObject({ code: z.string(), detail: z.string(), status: z.number() });

export type RestAnswer = { readonly status: number; readonly type: string; readonly text: string };

/** One tool call over REST, with this very body. */
export async function post(url: string, tool: string, body: string): Promise<RestAnswer> {
  const response = await fetch(`${url}/tools/${tool}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
}

/** Whether fetch threw because nobody listens, or because the connection ended before the answer did. By its name: under Jest it is no instance of the global class. */
export const isNoAnswer = (error: unknown): boolean => typeof error === 'object' && error !== null && 'name' in error && (error.name === 'TypeError' || error.name === 'SyntaxError');

/** An answer as the problem document that it must be. */
export function problemOf({ type, text }: RestAnswer): z.infer<typeof problemSchema> {
  if (!type.startsWith('application/problem+json')) throw new Error(`${type}: ${text.slice(0, 200)}`);
  return problemSchema.parse(JSON.parse(text));
}
