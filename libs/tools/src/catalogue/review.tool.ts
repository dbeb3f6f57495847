import { z } from 'zod';
import { location, place, severity } from '../answers/finding.schema.js';
import { list, material, text } from '../arguments/argument.schema.js';
import { changeTarget, type NamedChange } from '../arguments/change-target.js';
import { ChangedFile } from '../outputs/turn-facts.schema.js';
import { ANSWER, EVIDENCE, prompt, READ_ONLY, section, untrusted, WORKSPACE } from '../prompts/prompt.js';
import { findingsText } from '../rendering/findings.js';
import { blocks, bullets, labelled, titled } from '../rendering/markdown.js';
import { turnText } from '../rendering/turn.js';
import { defineTurnTool } from '../tool.js';

const Finding = z.object({
  ...place,
  ...severity,
  category: z.string().optional().describe('Such as correctness, security, performance, tests, readability'),
  title: z.string(),
  explanation: z.string().describe('What is wrong and what follows from it'),
  recommendation: z.string(),
});

const MAX_LISTED_FILES = 100;

/** What the prompt says of a change that was taken from git. */
function changeParts({ files, diff, diffPath }: NamedChange): (string | undefined)[] {
  const listed = files.slice(0, MAX_LISTED_FILES).map(({ path, status }) => `${status} ${path}`);
  if (files.length > listed.length) listed.push(`and ${files.length - listed.length} more`);
  return [
    'Judge only what the change does; code around it counts as far as the change breaks it or relies on it. file is a path of <files>; line and end_line count in the file as it is after the change, in a deleted file as it was before.',
    diffPath && `<diff> has only what fits here. The whole diff is in the file ${diffPath}, outside of the workspace: read all of it, part by part.`,
    untrusted('files', 'diff'),
    section('files', listed),
    section('diff', diff === '' ? 'Only in the file.' : diff),
  ];
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export const review = defineTurnTool({
  name: 'review',
  title: 'Review code',
  description:
    'Codex reviews code, a diff, or a change in the workspace (uncommitted, against a branch, a commit) without changing anything: findings with file, line, severity and a recommendation, and a verdict. Each place is checked on disk.',
  access: 'read',
  changes: 'if_any',
  arguments: {
    content: text('What to review: code, a diff, or where it lies in the workspace, such as "src/auth"; or a change there, taken from git: "uncommitted", "branch:<base>" (all since the workspace left that branch, uncommitted changes included) or "commit:<sha>"'),
    rubric: material('Criteria to review by').optional(),
    focus_areas: list('What to look at in particular, such as error handling or concurrency').optional(),
  },
  answer: {
    summary: z.string(),
    verdict: z.enum(['approve', 'comment', 'request_changes']).optional(),
    findings: z.array(Finding),
    strengths: z.array(z.string()).optional().describe('What is done well enough to keep'),
  },
  measured: {
    findings: z.array(Finding.extend(location)),
    reviewed: z.object({ compared: z.string(), files: z.array(ChangedFile) }).optional().describe('The change that content named'),
  },
  change: ({ content }) => changeTarget(content),
  prompt: (args, change) =>
    prompt(
      `Review ${change ? `the change in <diff>: ${change.compared}` : 'what <content> holds or names'}. ${WORKSPACE} ${READ_ONLY}`,
      'Report what matters: defects, risks, missing tests, what will be hard to change. Check each finding against the code around it before you report it; no findings is a valid result. ' +
        `severity: critical loses data, money or secrets; high breaks a normal case; medium breaks an unusual case; low is a weakness; info is a remark. ${EVIDENCE}`,
      ...(change ? changeParts(change) : [untrusted('content'), section('content', args.content)]),
      section('rubric', args.rubric),
      section('focus_areas', args.focus_areas),
      ANSWER,
    ),
  render: (output) =>
    turnText(
      blocks(
        output.summary,
        labelled('Verdict', output.verdict),
        labelled('Reviewed', output.reviewed && `${output.reviewed.compared} (${counted(output.reviewed.files.length, 'file')})`),
        titled('Findings', findingsText(output.findings) || 'None.'),
        titled('Strengths', bullets(output.strengths)),
      ),
      output,
    ),
});
