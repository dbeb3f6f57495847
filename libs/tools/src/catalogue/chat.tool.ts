import { z } from 'zod';
import { fileList, material, messages, text } from '../arguments/argument.schema.js';
import { prompt, section } from '../prompts/prompt.js';
import { turnText } from '../rendering/turn.js';
import { defineTurnTool } from '../tool.js';

export const chat = defineTurnTool({
  name: 'chat',
  title: 'Talk to Codex',
  description:
    'A message to the agent in its ongoing conversation: questions, second opinions, brainstorming, or, with write: true, work on the workspace. The agent remembers earlier turns, whichever tool ran them.',
  access: 'write',
  accessOf: ({ write }) => (write === true ? 'write' : 'read'),
  changes: 'if_any',
  answerForm: 'text',
  fileArguments: { existing: ['reference_files'] },
  arguments: {
    message: text('The message, passed on as it is'),
    context: material('Background that belongs to the message').optional(),
    previous_messages: messages('Earlier messages of a conversation that the agent does not know, oldest first').optional(),
    reference_files: fileList('Files to read first').optional(),
    write: z.boolean().describe('Whether the agent may change files, where the message asks for it. Default: false').optional(),
  },
  answer: { answer: z.string() },
  prompt: (args) =>
    prompt(section('context', args.context), section('previous_messages', args.previous_messages), section('reference_files', args.reference_files), args.message),
  render: (output) => turnText(output.answer, output),
});
