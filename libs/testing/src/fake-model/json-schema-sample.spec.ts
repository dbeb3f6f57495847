import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sampleOf } from './json-schema-sample.js';

const treeSchema = z.object({
  name: z.string().min(8),
  get children() {
    return z.array(treeSchema);
  },
});

describe('sampleOf', () => {
  test.each([
    ['scalars', z.object({ text: z.string(), count: z.int().min(3), ratio: z.number(), ok: z.boolean(), nothing: z.null() })],
    ['enums and literals', z.object({ kind: z.enum(['a', 'b']), version: z.literal(2) })],
    ['nullable and optional values', z.object({ a: z.string().nullable(), b: z.int().optional() })],
    ['unions', z.discriminatedUnion('type', [z.object({ type: z.literal('x'), x: z.int() }), z.object({ type: z.literal('y') })])],
    ['arrays', z.object({ list: z.array(z.object({ url: z.url(), at: z.iso.datetime() })).min(2) })],
    ['recursive schemas', treeSchema],
  ])('makes a valid instance with %s', (_, schema) => {
    const sample = sampleOf(z.toJSONSchema(schema));
    expect(schema.safeParse(sample)).toMatchObject({ success: true });
  });
});
