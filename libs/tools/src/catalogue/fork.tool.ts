import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { threadTitle } from '../arguments/thread-title.schema.js';
import { forkedFrom } from '../outputs/thread-view.schema.js';
import { code } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';

export const fork = defineManagementTool({
  name: 'fork',
  title: 'Fork a thread',
  description: 'Branches a new conversation off one of the agent: it knows all of it up to and including a turn, and goes its own way from there; calls continue it from now on. The other thread and the workspace stay as they are.',
  arguments: {
    thread_id: text("The thread to branch off. Default: that of turn_id, else the current one.").optional(),
    turn_id: text('The last turn that the new thread knows. Default: the last one of the thread that has ended.').optional(),
    title: threadTitle(),
  },
  output: { agent_id: z.string(), thread_id: z.string().describe('The new thread'), title: z.string().optional(), forked_from: forkedFrom() },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  render: ({ agent_id, thread_id, forked_from }) =>
    `${code(thread_id)}, forked from ${code(forked_from.thread_id)} after ${code(forked_from.turn_id)}, is the current thread of agent ${code(agent_id)} now.`,
});
