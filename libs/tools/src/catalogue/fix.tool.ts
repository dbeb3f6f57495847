import { z } from 'zod';
import { fileList, list, testArguments, text } from '../arguments/argument.schema.js';
import { ANSWER, CHANGES, EVIDENCE, prompt, section, untrusted, WORKSPACE } from '../prompts/prompt.js';
import { blocks, bullets, titled } from '../rendering/markdown.js';
import { turnText } from '../rendering/turn.js';
import { defineTurnTool } from '../tool.js';

export const fix = defineTurnTool({
  name: 'fix',
  title: 'Fix a defect',
  description:
    'Codex finds the root cause of a defect and fixes it in the workspace. Give at least one of failing_tests, error_output, context_files, symptoms. The result holds the root cause, the diff taken from the workspace, and how to prevent such defects.',
  access: 'write',
  changes: 'always',
  atLeastOneOf: ['failing_tests', 'error_output', 'context_files', 'symptoms'],
  fileArguments: { existing: ['context_files'] },
  arguments: {
    failing_tests: list('Tests that fail: names, files or the commands that run them').optional(),
    error_output: text('Output of the failure, as it was printed').optional(),
    context_files: fileList('Files that seem to be involved').optional(),
    symptoms: list('What goes wrong, as it was observed').optional(),
    ...testArguments,
  },
  answer: {
    summary: z.string(),
    root_cause: z.string().describe('Why it failed, with the file and line where it starts'),
    explanation: z.string().describe('How the fix removes the cause, and how that was verified'),
    integration_notes: z.array(z.string()).describe('What others must know or do, checks that still fail included'),
    prevention: z.array(z.string()).describe('What would have caught this defect or made it impossible'),
    follow_ups: z.array(z.string()).optional().describe('Sensible work that was left out on purpose'),
  },
  prompt: (args) =>
    prompt(
      `Fix the defect described below. ${WORKSPACE} ${CHANGES}`,
      `First reproduce it where that is possible, then find its cause; fix the cause, not the symptom. Never make a check pass by weakening, skipping or deleting it. Where you cannot fix it, say so and say what is missing. ${EVIDENCE}`,
      args.error_output && untrusted('error_output'),
      section('failing_tests', args.failing_tests),
      section('error_output', args.error_output),
      section('symptoms', args.symptoms),
      section('context_files', args.context_files),
      ANSWER,
    ),
  render: (output) =>
    turnText(
      blocks(
        output.summary,
        titled('Root cause', output.root_cause),
        titled('Explanation', output.explanation),
        titled('Integration notes', bullets(output.integration_notes)),
        titled('Prevention', bullets(output.prevention)),
        titled('Follow-ups', bullets(output.follow_ups)),
      ),
      output,
    ),
});
