import { z } from 'zod';
import { paths, text } from '../arguments/argument.schema.js';
import { blocks, bullets, code, fenced } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

const MAX_RESULTS = 1000;
const MAX_CONTEXT_LINES = 10;
const MAX_QUERY_CHARACTERS = 1000;

const Match = z.object({
  path: z.string(),
  line: z.int().positive(),
  text: z.string().describe('The line; a long one is cut'),
  before: z.array(z.string()).optional().describe('Lines before it, where context_lines asks for them'),
  after: z.array(z.string()).optional(),
});
type Match = z.infer<typeof Match>;

export const search = defineWorkspaceTool({
  name: 'search',
  title: 'Search files',
  description: "Lines of the workspace's files that match a regular expression (ripgrep's; POSIX extended where an agent without a container has no ripgrep), without files that the ignore rules name and binary ones. Beside a turn that Codex is at work on, it shows the state at this moment; `get_turn` with `wait_s` is how to wait for a turn's end.",
  access: 'read',
  onlyLooks: true,
  arguments: {
    query: text('A regular expression that matches within a line').max(MAX_QUERY_CHARACTERS),
    literal: z.boolean().describe('Whether the query is plain text instead. Default: false').optional(),
    ignore_case: z.boolean().describe('Default: false').optional(),
    paths: paths('Only in these').optional(),
    context_lines: z.int().min(0).max(MAX_CONTEXT_LINES).describe('Lines to show before and after each match. Default: 0').optional(),
    max_results: z.int().min(1).max(MAX_RESULTS).describe('Default: 100').optional(),
    include_ignored: z.boolean().describe('Whether files that the ignore rules name are searched too. Default: false').optional(),
  },
  output: {
    matches: z.array(Match),
    truncated: z.boolean().describe('Whether there are more'),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ matches, truncated }) => blocks(matches.length === 0 ? 'No match.' : bullets(matches.map(matchText)), truncated ? 'There are more matches.' : undefined),
});

function matchText({ path, line, text: found, before = [], after = [] }: Match): string {
  const place = code(`${path}:${line}`);
  return before.length + after.length === 0 ? `${place} ${code(found)}` : blocks(place, fenced('', [...before, found, ...after].join('\n')));
}
