import { z } from 'zod';
import { threadTitle } from '../arguments/thread-title.schema.js';
import { code } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';

export const newThread = defineManagementTool({
  name: 'new_thread',
  title: 'New thread',
  description: 'Begins a new conversation of the agent, which remembers nothing of the others; calls continue it from now on. Workspace and other threads stay as they are, and thread_id goes back to one.',
  arguments: { title: threadTitle() },
  output: { agent_id: z.string(), thread_id: z.string(), title: z.string().optional() },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  render: ({ agent_id, thread_id }) => `${code(thread_id)} is the current thread of agent ${code(agent_id)} now.`,
});
