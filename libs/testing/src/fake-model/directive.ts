import { z } from 'zod';
import { ScriptError } from './script.errors.js';
import { directiveSchema, type Step } from './step.schema.js';

const marker = /(?:<<|&lt;&lt;|\\+u003c\\+u003c)fake\s*\{/gi;

/**
 * The steps of the last `<<fake {…}>>` in a message, or undefined when there is none. The directive is also found
 * where the prompt around it has escaped it as JSON string or as XML text.
 * @throws {ScriptError} when there is a directive that is not valid.
 */
export function findDirective(text: string): readonly Step[] | undefined {
  const start = [...text.matchAll(marker)].at(-1)?.index;
  if (start === undefined) return undefined;
  const tail = text.slice(start);
  for (const decode of decoders) {
    const value = parseDirective(decode(tail));
    if (value !== undefined) return validate(value);
  }
  throw new ScriptError(`not a directive of the form <<fake {json}>>: ${tail.slice(0, 200)}`);
}

function validate(value: unknown): readonly Step[] {
  const schema = typeof value === 'object' && value !== null && 'steps' in value ? directiveSchema.options[0] : directiveSchema.options[1];
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ScriptError(`directive ${JSON.stringify(value)}: ${z.prettifyError(parsed.error)}`);
  return 'steps' in parsed.data ? parsed.data.steps : [parsed.data];
}

function parseDirective(text: string): unknown {
  const opening = /^<<fake\s*/i.exec(text);
  if (!opening) return undefined;
  const json = leadingObject(text.slice(opening[0].length));
  if (json === undefined || !/^\s*>>/.test(text.slice(opening[0].length + json.length))) return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

/** The balanced `{…}` at the start of the text. Braces and `>>` inside its strings do not count. */
function leadingObject(text: string): string | undefined {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}]/gs;
  let depth = 0;
  for (const token of text.matchAll(tokens)) {
    if (token[0] === '{') depth += 1;
    if (token[0] === '}') depth -= 1;
    if (depth === 0) return text.slice(0, token.index + 1);
  }
  return undefined;
}

type Decoder = (text: string) => string;

const decoders: readonly Decoder[] = [
  (text) => text,
  unescapeJson,
  unescapeXml,
  (text) => unescapeXml(unescapeJson(text)),
  (text) => unescapeJson(unescapeXml(text)),
  (text) => unescapeJson(unescapeJson(text)),
];

const jsonEscapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

function unescapeJson(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, hex: string | undefined, character: string) =>
    hex === undefined ? (jsonEscapes[character] ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const xmlEntities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (entity, decimal?: string, hex?: string, name?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return xmlEntities[name ?? ''] ?? entity;
  });
}
