import { z } from 'zod';

const MAX_CHARACTERS = 200;
/** Of a name in a mail; git takes a longer one, or one with @, for a mistake. */
const MAX_NAME_BYTES = 60;
/** What git would take out of a name by itself. */
const plain = (text: string): boolean => !/[\n\r<>"\0]/.test(text);

/** Who is named as the author of a commit. */
export const author = {
  author_name: z
    .string()
    .refine((name) => plain(name) && !name.includes('@') && Buffer.byteLength(name) <= MAX_NAME_BYTES, `must be one line of at most ${MAX_NAME_BYTES} bytes without quotes, <, > and @`)
    .describe('Default: Codex agent')
    .optional(),
  author_email: z.string().max(MAX_CHARACTERS).refine(plain, 'must be one line without quotes, < and >').describe('Default: agent@codex-mcp.invalid').optional(),
};

const MAX_MESSAGE_CHARACTERS = 20_000;

export const commitMessage = z.string().max(MAX_MESSAGE_CHARACTERS).refine((text) => !text.includes('\0'), 'must not hold U+0000').describe('The commit message: a line, and, after an empty one, more');
