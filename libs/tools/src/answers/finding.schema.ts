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

export const LOCATIONS = ['verified', 'outside_change', 'not_found'] as const;
export type Location = (typeof LOCATIONS)[number];

/** What the worker finds out about a finding's place; not the model's to say. */
export const location = {
  location: z
    .enum(LOCATIONS)
    .optional()
    .describe('Checked on disk. verified: file and line exist, and lie in the change where one was reviewed; outside_change: they exist elsewhere; not_found: there is no such file or line'),
};
