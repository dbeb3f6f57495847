import { z } from 'zod';
import { place, severity } from '../answers/finding.schema.js';
import { list, material, text } from '../arguments/argument.schema.js';
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

export const review = defineTurnTool({
  name: 'review',
  title: 'Review code',
  description:
    'Codex reviews code or a diff against the workspace without changing anything: findings with file, line, severity and a recommendation, and a verdict.',
  access: 'read',
  changes: 'if_any',
  arguments: {
    content: text('What to review: code, a diff, or where it lies in the workspace, such as "src/auth" or "the uncommitted changes"'),
    rubric: material('Criteria to review by').optional(),
    focus_areas: list('What to look at in particular, such as error handling or concurrency').optional(),
  },
  answer: {
    summary: z.string(),
    verdict: z.enum(['approve', 'comment', 'request_changes']).optional(),
    findings: z.array(Finding),
    strengths: z.array(z.string()).optional().describe('What is done well enough to keep'),
  },
  prompt: (args) =>
    prompt(
      `Review what <content> holds or names. ${WORKSPACE} ${READ_ONLY}`,
      'Report what matters: defects, risks, missing tests, what will be hard to change. Check each finding against the code around it before you report it; no findings is a valid result. ' +
        `severity: critical loses data, money or secrets; high breaks a normal case; medium breaks an unusual case; low is a weakness; info is a remark. ${EVIDENCE}`,
      untrusted('content'),
      section('content', args.content),
      section('rubric', args.rubric),
      section('focus_areas', args.focus_areas),
      ANSWER,
    ),
  render: (output) =>
    turnText(
      blocks(
        output.summary,
        labelled('Verdict', output.verdict),
        titled('Findings', findingsText(output.findings) || 'None.'),
        titled('Strengths', bullets(output.strengths)),
      ),
      output,
    ),
});
