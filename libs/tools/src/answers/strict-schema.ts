import type { z } from 'zod';
import { deepFreeze, type JsonSchema, toJsonSchema } from '../json-schema.js';

const KEPT = new Set(['type', 'enum', 'description']);
const DROPPED = new Set(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength', 'minItems', 'maxItems']);

/**
 * The form that OpenAI's strict structured outputs take: every property required, optional ones nullable through anyOf,
 * additionalProperties false. Bounds are left to our own validation. Throws on a keyword whose loss would change the meaning.
 */
export function strictSchema(schema: z.ZodObject): JsonSchema {
  return deepFreeze(strict(toJsonSchema(schema, 'output')));
}

function strict(schema: JsonSchema): JsonSchema {
  if (schema['type'] === 'object' && schema['properties'] === undefined) throw new Error("an answer's schema cannot hold an object without named properties");
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (KEPT.has(keyword)) result[keyword] = value;
    else if (keyword === 'items') result['items'] = strict(value as JsonSchema);
    else if (keyword === 'anyOf') result['anyOf'] = (value as JsonSchema[]).map(strict);
    else if (keyword === 'properties') Object.assign(result, strictProperties(schema));
    else if (keyword !== 'required' && keyword !== 'additionalProperties' && !DROPPED.has(keyword)) {
      throw new Error(`an answer's schema cannot hold "${keyword}": structured outputs do not know it`);
    }
  }
  return result;
}

function strictProperties(schema: JsonSchema): JsonSchema {
  const properties = Object.entries(schema['properties'] as Record<string, JsonSchema>);
  const required = new Set(schema['required'] as string[] | undefined);
  return {
    properties: Object.fromEntries(properties.map(([name, value]) => [name, required.has(name) ? strict(value) : orNull(strict(value))])),
    required: properties.map(([name]) => name),
    additionalProperties: false,
  };
}

const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });
