import { z } from 'zod';

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export const Severity = z.enum(SEVERITIES);
export type Severity = z.infer<typeof Severity>;

/** A place in the workspace; absent where the finding has none. */
export const place = {
  file: z.string().optional().describe('Path relative to the workspace'),
  line: z.int().positive().optional(),
  end_line: z.int().positive().optional(),
};

export const severity = { severity: Severity };
