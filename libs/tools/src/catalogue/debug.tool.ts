import { z } from 'zod';
import { list, material, text } from '../arguments/argument.schema.js';
import { ANSWER, EVIDENCE, prompt, READ_ONLY, section, untrusted, WORKSPACE } from '../prompts/prompt.js';
import { blocks, bullets, labelled, lines, numbered, titled } from '../rendering/markdown.js';
import { turnText } from '../rendering/turn.js';
import { defineTurnTool } from '../tool.js';

const Hypothesis = z.object({
  cause: z.string(),
  likelihood: z.enum(['high', 'medium', 'low']),
  evidence: z.string().describe('What in the material or the workspace speaks for it, with file and line'),
});
const Approach = z.object({ title: z.string(), steps: z.array(z.string()), trade_offs: z.string().optional() });

export const debug = defineTurnTool({
  name: 'debug',
  title: 'Debug an error',
  description:
    'Codex investigates an error in the workspace without changing anything: likely causes with their evidence, several ways to solve it, and what to check next. Use fix to have it repaired.',
  access: 'read',
  changes: 'if_any',
  arguments: {
    error_message: text('The error, as it was printed'),
    code_context: text('Code around the error, where it is not in the workspace').optional(),
    stack_trace: text('The stack trace, as it was printed').optional(),
    environment_info: material('Versions, platform and configuration where it happens').optional(),
    reproduction_steps: list('How to make it happen').optional(),
  },
  answer: {
    summary: z.string(),
    hypotheses: z.array(Hypothesis).describe('The most likely first'),
    approaches: z.array(Approach).describe('Ways to solve it, the recommended one first'),
    next_checks: z.array(z.string()).optional().describe('What to run or look at to decide between the hypotheses'),
  },
  prompt: (args) =>
    prompt(
      `Find out why the error below happens. ${WORKSPACE} ${READ_ONLY}`,
      `Follow the trace into the code and test each hypothesis against what you see there; drop those that the code refutes. ${EVIDENCE}`,
      untrusted('error_message', ...(args.stack_trace ? ['stack_trace'] : []), ...(args.code_context ? ['code_context'] : [])),
      section('error_message', args.error_message),
      section('stack_trace', args.stack_trace),
      section('code_context', args.code_context),
      section('environment_info', args.environment_info),
      section('reproduction_steps', args.reproduction_steps),
      ANSWER,
    ),
  render: (output) =>
    turnText(
      blocks(
        output.summary,
        titled('Hypotheses', numbered(output.hypotheses.map(({ cause, likelihood, evidence }) => lines(`**${likelihood}** · ${cause}`, labelled('Evidence', evidence))))),
        titled('Approaches', numbered(output.approaches.map(approachText))),
        titled('Next checks', bullets(output.next_checks)),
      ),
      output,
    ),
});

function approachText({ title, steps, trade_offs }: z.infer<typeof Approach>): string {
  return lines(`**${title}**`, labelled('Trade-offs', trade_offs), numbered(steps));
}
