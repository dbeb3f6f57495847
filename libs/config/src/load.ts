import { z } from 'zod';

/** The environment does not fit; the message names each variable and what it must be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Parses an environment once, at start. Values are not echoed: one may be a secret. */
export function loadConfig<Schema extends z.ZodObject>(schema: Schema, env: Record<string, string | undefined>): z.output<Schema> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'configuration'} ${issue.message}`);
  throw new ConfigError(`The configuration does not fit. Change these environment variables:\n${lines.join('\n')}`);
}
