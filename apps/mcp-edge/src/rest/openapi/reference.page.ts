import type { JsonSchema } from '@codex-mcp/tools';
import { z } from 'zod';

export const STYLE_PATH = '/docs/style.css';

const Schema = z.looseObject({ $ref: z.string().optional(), type: z.string().optional(), description: z.string().optional(), enum: z.array(z.unknown()).optional(), const: z.unknown().optional(), required: z.array(z.string()).optional() });
type Schema = z.infer<typeof Schema>;

const Parameter = z.looseObject({ name: z.string(), in: z.string(), description: z.string(), required: z.boolean().optional(), schema: Schema });
const Reference = z.object({ $ref: z.string() });
const Media = z.record(z.string(), z.object({ schema: Schema }));
const Response = z.looseObject({ $ref: z.string().optional(), description: z.string().optional(), content: Media.optional() });
const Operation = z.looseObject({
  operationId: z.string(),
  tags: z.array(z.string()),
  summary: z.string(),
  description: z.string().optional(),
  parameters: z.array(Reference),
  requestBody: z.object({ content: Media }).optional(),
  responses: z.record(z.string(), Response),
});
type Operation = z.infer<typeof Operation>;

/** The parts of an OpenAPI document that the page shows. */
const Shown = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), Schema), parameters: z.record(z.string(), Parameter), responses: z.record(z.string(), Response) }),
});
type Shown = z.infer<typeof Shown>;

/** The REST reference as one page without scripts, from the OpenAPI document. */
export function referencePage(document: JsonSchema): string {
  const shown = Shown.parse(document);
  const { info, tags } = shown;
  const title = `${text(info.title)} ${text(info.version)}`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}: REST API</title><link rel="stylesheet" href="${STYLE_PATH}"></head>
<body>
<header><h1>${title}</h1>${paragraphs(info.description)}<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p></header>
<main>
${tags.map(({ name, description }) => section(name, description, shown)).join('\n')}
</main>
</body>
</html>
`;
}

function section(tag: string, description: string, shown: Shown): string {
  const operations = Object.entries(shown.paths).flatMap(([path, item]) => Object.entries(item).flatMap(([method, operation]) => (operation.tags.includes(tag) ? [entry(method, path, operation, shown)] : [])));
  return `<section><h2>${text(tag)}</h2><p>${text(description)}.</p>\n${operations.join('\n')}\n</section>`;
}

function entry(method: string, path: string, operation: Operation, shown: Shown): string {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const parameters = operation.parameters.map(({ $ref }) => shown.components.parameters[nameOf($ref)]).filter((parameter) => parameter !== undefined);
  return `<details id="${text(operation.operationId)}"><summary><code>${method.toUpperCase()} ${text(path)}</code> ${text(operation.summary)}</summary>
${paragraphs(operation.description)}${body ? titled('Body', table(rowsOf(resolve(body, shown)))) : ''}${titled('Parameters', table(parameters.map((parameter) => [`${parameter.name} (${parameter.in})`, typeOf(parameter.schema), parameter.required === true ? 'yes' : 'no', parameter.description])))}${Object.entries(operation.responses).map(([status, response]) => answer(status, response, shown)).join('')}</details>`;
}

function answer(status: string, given: z.infer<typeof Response>, shown: Shown): string {
  const response = given.$ref === undefined ? given : shown.components.responses[nameOf(given.$ref)];
  const contents = Object.entries(response?.content ?? {}).map(([type, { schema }]) => `<p><code>${text(type)}</code> ${text(schema.description ?? '')}</p>${status === 'default' ? '' : table(rowsOf(resolve(schema, shown)))}`);
  return `<h3>${status === 'default' ? 'Any error' : text(status)}</h3>${paragraphs(response?.description)}${contents.join('')}`;
}

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

function resolve(schema: Schema, { components }: Shown): Schema {
  return schema.$ref === undefined ? schema : (components.schemas[nameOf(schema.$ref)] ?? schema);
}

/** A row for each property at any depth: path, type, whether it is required, meaning. */
function rowsOf(schema: Schema, prefix = ''): string[][] {
  const properties = z.record(z.string(), Schema).catch({}).parse(schema['properties']);
  return Object.entries(properties).flatMap(([name, property]) => {
    const items = Schema.safeParse(property['items']).data;
    const nested = items ? rowsOf(items, `${prefix}${name}[].`) : rowsOf(property, `${prefix}${name}.`);
    return [[`${prefix}${name}`, typeOf(property), schema.required?.includes(name) === true ? 'yes' : 'no', property.description ?? ''], ...nested];
  });
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map(String).join(', ');
  const any = z.array(Schema).safeParse(schema['anyOf']).data;
  if (any) return [...new Set(any.map(typeOf))].join(' or ');
  const items = Schema.safeParse(schema['items']).data;
  return items ? `list of ${typeOf(items)}` : (schema.type ?? 'any');
}

function table(rows: readonly string[][]): string {
  if (rows.length === 0) return '';
  const head = ['name', 'type', 'required', 'meaning'].map((name) => `<th>${name}</th>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.map(([name = '', ...rest]) => `<tr><td><code>${text(name)}</code></td>${rest.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>`).join('')}</tbody></table>`;
}

const titled = (heading: string, content: string): string => (content === '' ? '' : `<h3>${heading}</h3>${content}`);

/** Prose with `code`, as descriptions are written. */
const paragraphs = (prose: string | undefined): string => (prose ?? '').split('\n\n').filter((part) => part !== '').map((part) => `<p>${text(part).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>`).join('');

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const text = (raw: string): string => raw.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
