import { z } from 'zod';

/** A JSON Schema (or any other JSON document) as plain data. */
export type JsonSchema = { readonly [key: string]: unknown };

// zod writes these for its own bookkeeping; clients gain nothing from them, and some validators reject formats they do not know.
const NOISE = ['$schema', 'propertyNames', 'format', 'pattern'];

function dropNoise(schema: Record<string, unknown>): void {
  for (const key of NOISE) delete schema[key];
  if (isEmptyObject(schema['additionalProperties'])) delete schema['additionalProperties'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
}

const isEmptyObject = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** What a later version adds to a result must not make it invalid for a client that keeps this schema; and that a count is not negative goes without saying. */
function dropBounds(schema: Record<string, unknown>): void {
  if (schema['additionalProperties'] === false) delete schema['additionalProperties'];
  for (const key of ['minimum', 'exclusiveMinimum']) if (schema[key] === 0) delete schema[key];
}

/** The JSON Schema of what a schema takes (`input`) or gives (`output`), in keywords that every MCP client knows. Frozen. */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const dropped = (jsonSchema: Record<string, unknown>) => {
    dropNoise(jsonSchema);
    if (io === 'output') dropBounds(jsonSchema);
  };
  const converted: Record<string, unknown> = { ...z.toJSONSchema(schema, { io, override: ({ jsonSchema }) => dropped(jsonSchema as Record<string, unknown>) }) };
  delete converted['$schema'];
  return deepFreeze(JSON.parse(JSON.stringify(converted)) as JsonSchema);
}

/** Freezes a JSON document through and through and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
