import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { TURN_TOOLS } from '../catalogue/catalogue.js';
import { handleOf, orHandle } from './turn-handle.schema.js';

describe('the schema of a result or a handle', () => {
  it.each(Object.values(TURN_TOOLS))('of $name describes every property of both at its root', ({ outputSchema, output }) => {
    const handle = handleOf({ turn_id: 'turn_1', agent_id: 'a', status: 'running' });
    expect(Object.keys(outputSchema['properties'] as object).toSorted()).toEqual([...new Set([...Object.keys(output.shape), ...Object.keys(handle), 'pending_approvals'])].toSorted());
    const [result, running] = outputSchema['anyOf'] as { required: string[] }[];
    expect(running?.required.toSorted()).toEqual(Object.keys(handle).toSorted());
    expect(result?.required).toEqual(Object.keys(output.shape).filter((name) => !(output.shape as Record<string, z.ZodType>)[name]?.safeParse(undefined).success));
  });

  it('says how to answer what the turn waits for', () => {
    const approval = { approval_id: 'approval_1', turn_id: 'turn_1', agent_id: 'a', tool: 'chat', kind: 'command' as const, command: 'ls', asked_at: '2026-01-01T00:00:00.000Z', expires_at: '2026-01-01T00:05:00.000Z' };
    expect(handleOf({ turn_id: 'turn_1', agent_id: 'a', status: 'running', pending_approvals: [approval] }).next).toMatch(/^The turn waits for an approval.*answer_approval with approval_id "approval_1".*get_turn/);
  });

  it('refuses an output that could be taken for a handle', () => {
    expect(() => orHandle({ type: 'object', properties: { status: { type: 'string' } }, required: [] })).toThrow('"status"');
  });
});
