import { z } from 'zod';
import { fileList, filledList, material, testArguments, text } from '../arguments/argument.schema.js';
import { ANSWER, CHANGES, EVIDENCE, prompt, section, WORKSPACE } from '../prompts/prompt.js';
import { blocks, bullets, titled } from '../rendering/markdown.js';
import { turnText } from '../rendering/turn.js';
import { defineTurnTool } from '../tool.js';

export const implement = defineTurnTool({
  name: 'implement',
  title: 'Implement a change',
  description:
    'Codex makes a change in the workspace and checks it: writes the code, runs the tests that exist, and explains what it did and what it takes to integrate it. The result holds the diff, taken from the workspace itself.',
  access: 'write',
  changes: 'always',
  fileArguments: { existing: ['context_files'], targets: ['target_files'] },
  arguments: {
    task: text('What is to be built or changed'),
    target_files: filledList('Files or directories to change or create, relative to the workspace'),
    context_files: fileList('Files to read first').optional(),
    requirements: material('What the result must fulfil, such as behaviour, style or tests').optional(),
    ...testArguments,
  },
  answer: {
    summary: z.string(),
    explanation: z.string().describe('How the change works and why it was done this way'),
    integration_notes: z.array(z.string()).describe('What others must know or do: configuration, migrations, callers, files changed beyond the targets, checks that fail'),
    follow_ups: z.array(z.string()).optional().describe('Sensible work that was left out on purpose'),
  },
  prompt: (args) =>
    prompt(
      `Implement the task below. ${WORKSPACE} ${CHANGES}`,
      `Work in the target files; touch another file only where the task does not work without it, and name it in integration_notes. Finish the work: no placeholders, no stubs. ${EVIDENCE}`,
      section('task', args.task),
      section('target_files', args.target_files),
      section('context_files', args.context_files),
      section('requirements', args.requirements),
      ANSWER,
    ),
  render: (output) =>
    turnText(
      blocks(
        output.summary,
        titled('Explanation', output.explanation),
        titled('Integration notes', bullets(output.integration_notes)),
        titled('Follow-ups', bullets(output.follow_ups)),
      ),
      output,
    ),
});
