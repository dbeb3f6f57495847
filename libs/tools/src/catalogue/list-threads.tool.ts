import { AGENT_ID_RULE } from '@codex-mcp/contracts';
import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { ThreadView } from '../outputs/thread-view.schema.js';
import { threadsText } from '../rendering/threads.js';
import { defineManagementTool } from '../tool.js';

const MAX_THREADS = 200;

export const listThreads = defineManagementTool({
  name: 'list_threads',
  title: 'List threads',
  description: `An agent's conversations, the one used last first. A call continues one by its thread_id. The ${MAX_THREADS} used last are kept.`,
  arguments: {
    agent_id: text(`The agent: ${AGENT_ID_RULE}. Default: yours.`).optional(),
    limit: z.int('must be a whole number').min(1).max(MAX_THREADS, `must be at most ${MAX_THREADS}`).describe('How many at most. Default: 20').optional(),
  },
  output: { agent_id: z.string(), threads: z.array(ThreadView) },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ threads }) => threadsText(threads),
});
