import type { TurnEvent } from '@codex-mcp/contracts';
import { describe, expect, it } from '@jest/globals';
import { ProgressNarrator } from './progress.narrator.js';

const command = (more: object) => ({ type: 'command', id: 'c1', command: 'npm\n  test', status: 'running', ...more }) as Extract<TurnEvent, { type: 'item_started' }>['item'];

describe('ProgressNarrator', () => {
  it.each<[TurnEvent, string | undefined]>([
    [{ type: 'queued', position: 0 }, 'queued, next to run'],
    [{ type: 'queued', position: 2 }, 'queued behind 2 turns of this agent'],
    [{ type: 'started', epoch: 1 }, 'started'],
    [{ type: 'status', message: 'starting the agent' }, 'starting the agent'],
    [{ type: 'item_started', item: command({}) }, 'running: npm test'],
    [{ type: 'item_completed', item: command({ status: 'completed', exitCode: 0 }) }, 'completed: npm test'],
    [{ type: 'item_completed', item: command({ status: 'failed', exitCode: 2 }) }, 'exited with 2: npm test'],
    [{ type: 'item_completed', item: { type: 'file_change', id: 'f', status: 'completed', files: [{ path: 'a.ts', kind: 'update' }, { path: 'b.ts', kind: 'add' }] } }, 'changed a.ts, b.ts'],
    [{ type: 'item_completed', item: { type: 'message', id: 'm', text: 'I look at the tests.', interim: true } }, 'I look at the tests.'],
    [
      { type: 'approval_requested', approvalId: 'approval_1', subject: { kind: 'command', command: 'npm  install' }, deadlineMs: 1 },
      'waiting for approval of: npm install (answer with answer_approval, approval_id approval_1, or it is not done)',
    ],
    [{ type: 'approval_answered', approvalId: 'approval_1', answer: { decision: 'accept', via: 'rest', atMs: 1 } }, 'approval answered: accept'],
    [{ type: 'approval_answered', approvalId: 'approval_1', answer: { decision: 'decline', via: 'deadline', atMs: 1 } }, 'nobody answered the approval in time'],
    [{ type: 'usage', usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 } }, undefined],
  ])('tells %j as %j', (event, message) => {
    expect(new ProgressNarrator().observe(event)?.message).toBe(message);
  });

  it('gathers the words of an answer, of which the first are urgent', () => {
    const narrator = new ProgressNarrator();
    expect(narrator.observe({ type: 'delta', itemId: 'm', text: 'Hel' })).toEqual({ message: 'Hel', urgent: true });
    expect(narrator.observe({ type: 'delta', itemId: 'm', text: 'lo' })).toEqual({ message: 'Hello', urgent: false });
    expect(narrator.observe({ type: 'delta', itemId: 'n', text: 'Next' })).toEqual({ message: 'Next', urgent: true });
  });

  it('does not show a structured answer while it is being written', () => {
    expect(new ProgressNarrator().observe({ type: 'delta', itemId: 'm', text: '{"summary":' })?.message).toBe('writing the answer, 11 characters so far');
  });

  it('says in a silence what is going on and for how long', () => {
    const narrator = new ProgressNarrator();
    narrator.queuedBehind(1);
    expect(narrator.silence(15_000)).toBe('still waiting, 15 s: queued behind 1 turn of this agent');
    narrator.observe({ type: 'item_started', item: command({}) });
    narrator.observe({ type: 'usage', usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 } });
    expect(narrator.silence(45_200)).toBe('still working, 45 s: running: npm test');
  });
});
