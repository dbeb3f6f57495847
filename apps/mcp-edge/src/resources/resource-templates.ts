const everybody = { audience: ['user', 'assistant'] as ('user' | 'assistant')[] };

/** What can be read of an agent, as URI templates. Frozen by their use: nobody changes them. */
export const RESOURCE_TEMPLATES = [
  { uriTemplate: 'agent://{agent_id}', name: 'agent', title: 'Agent', description: 'What an agent is, does and uses at the moment', mimeType: 'application/json' },
  { uriTemplate: 'agent://{agent_id}/threads', name: 'threads', title: 'Conversations', description: "An agent's conversations, the one used last first", mimeType: 'application/json' },
  { uriTemplate: 'agent://{agent_id}/threads/{thread_id}', name: 'thread', title: 'Conversation', description: 'A conversation with its turns of the retention time', mimeType: 'application/json' },
  { uriTemplate: 'agent://{agent_id}/turns/{turn_id}', name: 'turn', title: 'Transcript of a turn', description: 'What happened in a turn so far, and its result', mimeType: 'text/markdown' },
  { uriTemplate: 'agent://{agent_id}/turns/{turn_id}/diff', name: 'turn-diff', title: 'Changes of a turn', description: 'What a turn changed in the workspace', mimeType: 'text/x-diff' },
  { uriTemplate: 'agent://{agent_id}/diff', name: 'diff', title: 'Changes of an agent', description: "What differs in an agent's workspace from its starting point", mimeType: 'text/x-diff' },
  { uriTemplate: 'agent://{agent_id}/files/{+path}', name: 'file', title: 'File', description: "A file of an agent's workspace", mimeType: 'text/plain' },
].map((template) => ({ ...template, annotations: everybody }));
