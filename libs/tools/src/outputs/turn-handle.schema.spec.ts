import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { TURN_TOOLS } from '../catalogue/catalogue.js';
import { handleOf, orHandle } from './turn-handle.schema.js';

describe('the schema of a result or a handle', () => {
  it.each(Object.values(TURN_TOOLS))('of $name describes every property of both at its root', ({ outputSchema, output }) => {
    const handle = handleOf({ turn_id: 'turn_1', agent_id: 'a', status: 'running' });
    expect(Object.keys(outputSchema['properties'] as object).toSorted()).toEqual([...new Set([...Object.keys(output.shape), ...Object.keys(handle)])].toSorted());
    const [result, running] = outputSchema['anyOf'] as { required: string[] }[];
    expect(running?.required.toSorted()).toEqual(Object.keys(handle).toSorted());
    expect(result?.required).toEqual(Object.keys(output.shape).filter((name) => !(output.shape as Record<string, z.ZodType>)[name]?.safeParse(undefined).success));
  });

  it('refuses an output that could be taken for a handle', () => {
    expect(() => orHandle({ type: 'object', properties: { status: { type: 'string' } }, required: [] })).toThrow('"status"');
  });
});
