import { z } from 'zod';

const schemaNode = z.looseObject({
  $ref: z.string().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).min(1).optional(),
  anyOf: z.array(z.unknown()).min(1).optional(),
  oneOf: z.array(z.unknown()).min(1).optional(),
  allOf: z.array(z.unknown()).min(1).optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  format: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  minItems: z.number().optional(),
  minimum: z.number().optional(),
  minLength: z.number().optional(),
});

type SchemaNode = z.infer<typeof schemaNode>;

const maxDepth = 12;

/**
 * A small instance of a JSON schema: first alternatives, minimal numbers, one element per array, property names as
 * strings. Optional properties are left out once the schema nests deeper than 12 levels. Knows local `$ref`s.
 */
export function sampleOf(schema: unknown): unknown {
  return sample(schema, 'fake', { root: schema, depth: 0 });
}

interface Position {
  readonly root: unknown;
  readonly depth: number;
}

function sample(schema: unknown, name: string, position: Position): unknown {
  const parsed = schemaNode.safeParse(schema);
  if (!parsed.success) return name;
  const node = parsed.data;
  const deeper = { root: position.root, depth: position.depth + 1 };
  if (node.$ref !== undefined) return sample(resolve(node.$ref, position.root), name, deeper);
  if ('const' in node) return node.const;
  if (node.enum) return node.enum[0];
  const alternatives = node.anyOf ?? node.oneOf ?? node.allOf;
  if (alternatives) return sample(pickAlternative(alternatives, position), name, deeper);
  return sampleOfType(node, name, deeper);
}

function sampleOfType(node: SchemaNode, name: string, position: Position): unknown {
  const type = Array.isArray(node.type) ? node.type.find((candidate) => candidate !== 'null') : node.type;
  if (type === 'object' || node.properties) return sampleOfObject(node, position);
  if (type === 'array') {
    const length = Math.max(node.minItems ?? 0, position.depth > maxDepth ? 0 : 1);
    return Array.from({ length }, () => sample(node.items, name, position));
  }
  if (type === 'integer' || type === 'number') return Math.max(node.minimum ?? 1, 1);
  if (type === 'boolean') return true;
  if (type === 'null') return null;
  if (node.format === 'date-time') return '2026-01-01T00:00:00Z';
  if (node.format === 'uri') return 'https://example.test/';
  return name.padEnd(node.minLength ?? 0, '-');
}

function sampleOfObject(node: SchemaNode, position: Position): Record<string, unknown> {
  const wanted = Object.entries(node.properties ?? {}).filter(
    ([key]) => position.depth <= maxDepth || node.required?.includes(key) === true,
  );
  return Object.fromEntries(wanted.map(([key, value]) => [key, sample(value, key, position)]));
}

/** Deep down a nullable recursive schema ends with its null. */
function pickAlternative(alternatives: readonly unknown[], position: Position): unknown {
  const nullable = alternatives.find((candidate) => schemaNode.safeParse(candidate).data?.type === 'null');
  return position.depth > maxDepth && nullable !== undefined ? nullable : alternatives[0];
}

function resolve(reference: string, root: unknown): unknown {
  let target = root;
  for (const key of reference.replace(/^#\/?/, '').split('/').filter(Boolean)) {
    target = z.record(z.string(), z.unknown()).safeParse(target).data?.[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return target;
}
