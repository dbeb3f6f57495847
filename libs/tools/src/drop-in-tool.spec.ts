import { describe, expect, it } from '@jest/globals';
import { parseArguments } from './arguments/parse-arguments.js';
import { DROP_IN_TOOLS } from './catalogue/catalogue.js';
import { parseSessionId, sessionIdText } from './drop-in-tool.js';

const { codex, 'codex-reply': codexReply } = DROP_IN_TOOLS;
const meant = (args: object) => codex.meaning(parseArguments(codex, args));
const threadId = `thread_${'0a'.repeat(16)}`;

describe('codex', () => {
  it('begins a conversation of chat with its prompt', () => {
    expect(meant({ prompt: ' hi\n' })).toMatchObject({ chat: { message: ' hi\n' }, conversation: { begins: {} } });
  });

  it.each([
    ['read-only', 'isolated', true],
    [undefined, 'isolated', undefined],
    ['workspace-write', 'direct', undefined],
    ['danger-full-access', 'direct', undefined],
  ])('with sandbox %s works in cwd %s', (sandbox, workspace_mode, readOnly) => {
    const { chat, conversation } = meant({ prompt: 'p', cwd: '/src/app', sandbox });
    expect(chat).toMatchObject({ workspace: '/src/app', workspace_mode });
    expect(conversation).toEqual({ begins: { readOnly } });
  });

  it('takes model and effort for the whole conversation, the model of its own argument first', () => {
    const settings = { model: 'a', effort: 'high' };
    expect(meant({ prompt: 'p', model: 'a', config: { model: 'b', model_reasoning_effort: 'HIGH' } })).toMatchObject({ chat: settings, conversation: { begins: settings } });
    expect(meant({ prompt: 'p', config: { model: 'b' } }).chat).toMatchObject({ model: 'b' });
  });

  it.each([
    ['untrusted', 'manual'],
    ['on-failure', 'suggest'],
    ['on-request', 'suggest'],
    ['never', 'auto'],
  ])('with approval-policy %s has its turns ask as in the mode %s', (policy, mode) => {
    expect(meant({ prompt: 'p', 'approval-policy': policy })).toMatchObject({ chat: { approval_mode: mode }, conversation: { begins: { approvalMode: mode } } });
  });

  it('puts developer-instructions before the message, and goes without what does no harm to miss', () => {
    const { chat } = meant({ prompt: 'p', 'developer-instructions': 'be brief', 'compact-prompt': 'c', 'approval-policy': 'never', config: {} });
    expect(chat).toMatchObject({ message: 'p', context: { developer_instructions: 'be brief' } });
  });
});

describe('codex-reply', () => {
  it('goes on with the conversation of threadId, or of the former conversationId', () => {
    const continued = (args: object) => codexReply.meaning(parseArguments(codexReply, { prompt: 'p', ...args }));
    const expected = { chat: { message: 'p', thread_id: threadId, agent_id: 'mine' }, conversation: { continues: { agentId: 'mine', threadId } } };
    expect(continued({ threadId: `mine/${threadId}` })).toMatchObject(expected);
    expect(continued({ conversationId: `mine/${threadId}` })).toMatchObject(expected);
    expect(continued({ threadId: `mine/${threadId}`, conversationId: `other/${threadId}`, agent_id: 'third' })).toMatchObject(expected);
    expect(continued({ threadId, agent_id: 'mine' })).toMatchObject({ chat: { thread_id: threadId, agent_id: 'mine' } });
  });
});

describe('the id of a conversation', () => {
  it('names its agent', () => {
    expect(parseSessionId(sessionIdText({ agentId: 'a-b_c', threadId }))).toEqual({ agentId: 'a-b_c', threadId });
  });

  it.each(['', 'mine', `mine/${threadId}/x`, `/${threadId}`, `../${threadId}`, `Mine/${threadId}`, `${threadId}x`])('is not %j', (text) => {
    expect(parseSessionId(text)).toBeUndefined();
  });
});
