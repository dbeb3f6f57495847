import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { TURN_TOOLS } from '../catalogue/catalogue.js';
import type { JsonSchema } from '../json-schema.js';
import { answerSchema } from './parse-answer.js';
import { strictSchema } from './strict-schema.js';

const ALLOWED = ['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'anyOf', 'description'];

/** What OpenAI's strict mode would refuse in a schema, with its path. */
function violations(schema: JsonSchema, path = '$'): string[] {
  const found = Object.keys(schema).filter((keyword) => !ALLOWED.includes(keyword)).map((keyword) => `${path}: ${keyword}`);
  if (schema['type'] === undefined && schema['anyOf'] === undefined) found.push(`${path}: no type`);
  if (schema['type'] === 'object') {
    const properties = schema['properties'] as Record<string, JsonSchema>;
    if (schema['additionalProperties'] !== false) found.push(`${path}: open`);
    if (JSON.stringify(schema['required']) !== JSON.stringify(Object.keys(properties))) found.push(`${path}: not all required`);
    for (const [name, child] of Object.entries(properties)) found.push(...violations(child, `${path}.${name}`));
  }
  if (schema['items'] !== undefined) found.push(...violations(schema['items'] as JsonSchema, `${path}[]`));
  for (const [at, child] of ((schema['anyOf'] ?? []) as JsonSchema[]).entries()) found.push(...violations(child, `${path}|${at}`));
  return found;
}

const structured = Object.values(TURN_TOOLS).filter((tool) => tool.name !== 'chat');

describe('the schema that the model answers in', () => {
  it.each(structured.map((tool) => [tool.name, tool] as const))('is strict for %s', (_, tool) => {
    const schema = answerSchema(tool);
    expect(schema).toMatchSnapshot();
    expect(schema && violations(schema)).toEqual([]);
    expect(schema?.['type']).toBe('object');
  });

  it('is not sent for chat, whose answer is plain text', () => {
    expect(answerSchema(TURN_TOOLS.chat)).toBeUndefined();
  });

  it('makes optional properties nullable and drops bounds', () => {
    expect(strictSchema(z.object({ line: z.int().positive().optional(), names: z.array(z.string()).min(1) }))).toEqual({
      type: 'object',
      properties: { line: { anyOf: [{ type: 'integer' }, { type: 'null' }] }, names: { type: 'array', items: { type: 'string' } } },
      required: ['line', 'names'],
      additionalProperties: false,
    });
  });

  it('refuses a schema that structured outputs cannot express', () => {
    expect(() => strictSchema(z.object({ score: z.number().default(0) }))).toThrow('"default"');
    expect(() => strictSchema(z.object({ pair: z.tuple([z.string(), z.string()]) }))).toThrow('"prefixItems"');
    expect(() => strictSchema(z.object({ map: z.record(z.string(), z.string()) }))).toThrow('an object without named properties');
  });
});
