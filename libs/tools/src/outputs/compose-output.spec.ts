import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { MANAGEMENT_TOOLS, TURN_TOOLS } from '../catalogue/catalogue.js';
import { composeManagementOutput, composeOutput, renderOutput } from './compose-output.js';
import type { TurnFacts } from './turn-facts.schema.js';

const facts: TurnFacts = { turn_id: 'turn_1', agent_id: 'a', thread_id: 'thread_1', model: undefined, duration_ms: 1234, commands: [{ command: 'npm test', exit_code: 0 }] };
const changes = { diff: '', files: [], truncated: false };
const implemented = { summary: 's', explanation: 'e', integration_notes: [] };
const session = {
  agent_id: 'a',
  status: 'running' as const,
  runtime: 'docker' as const,
  workspace: 'volume',
  workspace_mode: 'volume' as const,
  created_at: '2026-01-01T00:00:00.000Z',
  last_active_at: '2026-01-01T00:00:01.000Z',
  queued_turns: 0,
};

describe('composeOutput', () => {
  it('joins the answer and the facts as JSON, without what is not known', () => {
    const output = composeOutput(TURN_TOOLS.chat, { answer: 'hi' }, facts);
    expect(Object.keys(output).toSorted()).toEqual(['agent_id', 'answer', 'commands', 'duration_ms', 'thread_id', 'turn_id']);
    expect(z.json().parse(output)).toEqual({ answer: 'hi', turn_id: 'turn_1', agent_id: 'a', thread_id: 'thread_1', duration_ms: 1234, commands: [{ command: 'npm test', exit_code: 0 }] });
  });

  it('wants the changes of a tool that is there to make them', () => {
    expect(() => composeOutput(TURN_TOOLS.implement, implemented, facts)).toThrow('changes');
    expect(composeOutput(TURN_TOOLS.implement, implemented, { ...facts, changes })).toMatchObject({ changes });
    expect(composeOutput(TURN_TOOLS.chat, { answer: 'done' }, { ...facts, changes })).toMatchObject({ changes });
  });

  it('refuses facts that are wrong', () => {
    expect(() => composeOutput(TURN_TOOLS.chat, { answer: 'hi' }, { ...facts, duration_ms: -1 })).toThrow('duration_ms');
  });

  it('lets facts win over an answer that claims them', () => {
    const claimed = { answer: 'hi', turn_id: 'turn_of_the_model' };
    expect(composeOutput(TURN_TOOLS.chat, claimed, facts)).toMatchObject({ turn_id: 'turn_1' });
  });
});

describe('composeManagementOutput', () => {
  it('takes an agent that does not exist yet, by its id alone', () => {
    expect(composeManagementOutput(MANAGEMENT_TOOLS.get_my_session_info, { exists: false, agent_id: 'a' })).toEqual({ exists: false, agent_id: 'a' });
  });

  it('refuses a session without its times, or with times that are not ISO 8601', () => {
    const { list_sessions } = MANAGEMENT_TOOLS;
    expect(composeManagementOutput(list_sessions, { sessions: [session] })).toEqual({ sessions: [session] });
    expect(() => composeManagementOutput(list_sessions, { sessions: [{ ...session, created_at: 'yesterday' }] })).toThrow('created_at');
  });
});

describe('renderOutput', () => {
  it('renders what came back from a log, and nothing else', () => {
    const stored: unknown = JSON.parse(JSON.stringify(composeOutput(TURN_TOOLS.chat, { answer: 'hi' }, facts)));
    expect(renderOutput(TURN_TOOLS.chat, stored)).toContain('hi');
    expect(() => renderOutput(TURN_TOOLS.chat, { answer: 'hi' })).toThrow('turn_id');
  });
});
