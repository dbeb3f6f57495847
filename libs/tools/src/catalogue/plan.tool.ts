import { z } from 'zod';
import { Severity } from '../answers/finding.schema.js';
import { material, text } from '../arguments/argument.schema.js';
import { ANSWER, EVIDENCE, prompt, READ_ONLY, section, WORKSPACE } from '../prompts/prompt.js';
import { blocks, bullets, code, labelled, lines, numbered, titled } from '../rendering/markdown.js';
import { turnText } from '../rendering/turn.js';
import { defineTurnTool } from '../tool.js';

const Step = z.object({
  title: z.string(),
  description: z.string(),
  target_files: z.array(z.string()).describe('Paths relative to the workspace; existing ones, or new ones that the step creates'),
  rationale: z.string().optional(),
});
const Decision = z.object({ decision: z.string(), rationale: z.string(), alternatives: z.array(z.string()).optional() });
const Risk = z.object({ risk: z.string(), mitigation: z.string().optional(), severity: Severity.optional() });

export const plan = defineTurnTool({
  name: 'plan',
  title: 'Plan an implementation',
  description:
    'Codex reads the workspace and plans a task without changing anything: ordered steps with the files each one touches, architectural decisions with their reasons, risks and open questions.',
  access: 'read',
  changes: 'if_any',
  arguments: {
    task: text('What is to be achieved'),
    repo_context: material('What Codex should know about the repository beyond what it can read in the workspace').optional(),
    constraints: material('What the plan must respect, such as technologies, compatibility or deadlines').optional(),
  },
  answer: {
    summary: z.string(),
    steps: z.array(Step),
    architectural_decisions: z.array(Decision),
    risks: z.array(Risk),
    open_questions: z.array(z.string()).optional().describe('What only the caller can answer'),
  },
  prompt: (args) =>
    prompt(
      `Plan the task below so that another engineer can carry it out step by step. ${WORKSPACE} ${READ_ONLY}`,
      `Order the steps so that the project works after each one, and say how each is verified. Record only decisions that had a real alternative, and only risks that belong to this task. ${EVIDENCE}`,
      section('task', args.task),
      section('repo_context', args.repo_context),
      section('constraints', args.constraints),
      ANSWER,
    ),
  render: (output) =>
    turnText(
      blocks(
        output.summary,
        titled('Steps', numbered(output.steps.map(stepText))),
        titled('Decisions', bullets(output.architectural_decisions.map(decisionText))),
        titled('Risks', bullets(output.risks.map(riskText))),
        titled('Open questions', bullets(output.open_questions)),
      ),
      output,
    ),
});

function stepText(step: z.infer<typeof Step>): string {
  const files = step.target_files.map(code).join(', ');
  return lines(`**${step.title}**`, step.description, labelled('Files', files), labelled('Why', step.rationale));
}

function decisionText({ decision, rationale, alternatives }: z.infer<typeof Decision>): string {
  return lines(`**${decision}**`, rationale, labelled('Alternatives', alternatives?.join('; ')));
}

function riskText({ risk, mitigation, severity }: z.infer<typeof Risk>): string {
  return lines(severity === undefined ? risk : `**${severity}** · ${risk}`, labelled('Mitigation', mitigation));
}
