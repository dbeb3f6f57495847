import { z } from 'zod';

const LogLine = z.looseObject({ level: z.string(), msg: z.string().optional(), reason: z.string().optional(), err: z.looseObject({ message: z.string() }).optional() });

const NOTEWORTHY = new Set(['warn', 'error', 'fatal']);

/** What of a service's log belongs on the terminal: warnings and errors in one line each, or everything. */
export function terminalLine(service: string, line: string, verbose: boolean): string | undefined {
  if (service === 'redis' && !verbose) return undefined;
  const parsed = LogLine.safeParse(parseJson(line));
  if (!parsed.success) return service === 'redis' ? `redis: ${line}` : line;
  if (verbose) return `${service}: ${line}`;
  const { level, msg, reason, err } = parsed.data;
  if (!NOTEWORTHY.has(level)) return undefined;
  return `${service}: ${[msg, reason ?? err?.message].filter(Boolean).join(': ')}`;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
