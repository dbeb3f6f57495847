import { text } from '../arguments/argument.schema.js';
import { defineDropInTool, parseSessionId } from '../drop-in-tool.js';

const sessionId = (description: string) => text(description).refine((id) => parseSessionId(id) !== undefined, 'must be the threadId of an answer of codex').optional();

export const codexReply = defineDropInTool({
  name: 'codex-reply',
  title: 'Codex Reply',
  description: 'Goes on with a conversation that codex began, over any connection: same directory, model and sandbox.',
  arguments: {
    threadId: sessionId('The threadId of an answer of codex'),
    conversationId: sessionId('Former name of threadId'),
    prompt: text('The next message, passed on as it is'),
  },
  atLeastOneOf: ['threadId', 'conversationId'],
  meaning: ({ threadId, conversationId, prompt: message, agent_id, timeout_s, idempotency_key }) => {
    const continues = parseSessionId(threadId ?? conversationId ?? '');
    if (!continues) throw new Error('arguments that were not parsed');
    return { chat: { message, thread_id: continues.threadId, agent_id: continues.agentId ?? agent_id, timeout_s, idempotency_key }, conversation: { continues } };
  },
});
