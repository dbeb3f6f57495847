// @ts-check
// Markdown of the tool catalogue, from what tools/list shows: names, descriptions and JSON schemas.

/** @typedef {{ type?: string, description?: string, properties?: Record<string, Schema>, required?: readonly string[], items?: Schema, anyOf?: readonly Schema[], enum?: readonly string[] }} Schema */
/** @typedef {{ kind: 'turn' | 'workspace' | 'management' | 'drop_in', name: string, title: string, description: string, inputSchema: Schema, outputSchema: Schema, annotations: { readOnlyHint: boolean, destructiveHint: boolean } }} ListedTool */
/** @typedef {{ name: string, meaning: string, tools: readonly string[] }} Toolset */

const BEGIN = '<!-- tools:begin -->';
const END = '<!-- tools:end -->';

/** @param {ListedTool} tool */
const runsCodex = (tool) => tool.kind === 'turn';

/** @param {ListedTool} tool */
const worksOnWorkspace = (tool) => tool.kind === 'workspace';

/** @param {ListedTool} tool */
const standsIn = (tool) => tool.kind === 'drop_in';

/** Arguments that every tool which runs Codex takes; described once. @param {readonly ListedTool[]} tools @returns {readonly string[]} */
function commonArguments(tools) {
  const [first = {}, ...others] = tools.filter(runsCodex).map((tool) => tool.inputSchema.properties ?? {});
  return Object.keys(first).filter((name) => others.every((other) => name in other));
}

/** @param {readonly ListedTool[]} tools @param {readonly string[]} common */
function commonOfWorkspaceTools(tools, common) {
  const names = tools.filter(worksOnWorkspace).map((tool) => Object.keys(tool.inputSchema.properties ?? {}));
  return common.filter((name) => names.every((own) => own.includes(name)));
}

/** Names as a sentence lists them. @param {readonly string[]} names */
const spoken = (names) => names.map((name) => `\`${name}\``).join(', ').replace(/, (?=[^,]*$)/, ' and ');

/** Tools by name and title. @param {readonly ListedTool[]} tools */
const titles = (tools) => tools.map(({ name, title }) => `\`${name}\` (${title.charAt(0).toLowerCase()}${title.slice(1)})`).join(', ');

/** The table between the README's markers. @param {readonly ListedTool[]} tools */
export function readmeTable(tools) {
  const common = commonArguments(tools);
  return [
    table(['tool', 'what it does'], tools.filter(runsCodex).map((tool) => [`\`${signature(tool, common)}\``, cell(tool.description)])),
    '',
    `On the agent's workspace: ${titles(tools.filter(worksOnWorkspace))}.`,
    '',
    `On agents and turns: ${titles(tools.filter((tool) => tool.kind === 'management'))}.`,
    '',
    `For clients of the former \`codex mcp-server\`, with its arguments and results: ${spoken(tools.filter(standsIn).map(({ name }) => name))}.`,
    '',
    `Tools that run Codex take ${spoken(common)} as well, those on the workspace ${spoken(commonOfWorkspaceTools(tools, common))}. ` +
      'Names work with the prefix `codex_` too. All arguments and results: [docs/generated/tools.md](docs/generated/tools.md).',
  ].join('\n');
}

/** A README with its table replaced. Throws where the markers are missing. @param {string} readme @param {string} content */
export function withTable(readme, content) {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md needs ${BEGIN} and, after it, ${END}: the table of tools goes between them.`);
  return `${readme.slice(0, begin + BEGIN.length)}\n${content}\n${readme.slice(end)}`;
}

/** The whole reference of the tools. @param {readonly ListedTool[]} tools @param {readonly Toolset[]} toolsets */
export function toolsPage(tools, toolsets) {
  const shared = sharedResults(tools);
  const sections = [
    '# Tools',
    'Generated from `libs/tools` by `node tools/docs/generate.js`; do not edit.',
    'Each tool answers with `structuredContent` as described here, and with text for a person. What the model did not say is absent: there are no default values. A name with the prefix `codex_` means the same tool.',
    ...toolsetsSection(toolsets),
    ...sharedSection(tools, shared),
    ...tools.flatMap((tool) => toolSection(tool, shared, commonArguments(tools))),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** @param {readonly Toolset[]} toolsets */
function toolsetsSection(toolsets) {
  return [
    '## Toolsets',
    'A client need not see all tools: `/mcp?toolset=core,threads` (`/sse` too), or a header `X-Toolset: core,threads`, shows it those of the sets that it names, and `readonly=true`, or `X-Readonly: true`, only those that change nothing. A tool outside of them is unknown to it. It is a matter of what fills its context, not of what it may do: `start` runs any tool.',
    table(['set', 'what it is', 'tools'], toolsets.map(({ name, meaning, tools }) => [`\`${name}\``, cell(meaning), tools.map((tool) => `\`${tool}\``).join(', ')])),
  ];
}

/** Names of the results that every tool which runs Codex gives. @param {readonly ListedTool[]} tools */
function sharedResults(tools) {
  const turnTools = tools.filter(runsCodex);
  const names = Object.keys(turnTools[0]?.outputSchema.properties ?? {});
  return new Set(names.filter((name) => turnTools.every((tool) => name in (tool.outputSchema.properties ?? {}))));
}

/** @param {readonly ListedTool[]} tools @param {ReadonlySet<string>} shared @returns {string[]} */
function sharedSection(tools, shared) {
  const turnTools = tools.filter(runsCodex);
  const first = turnTools[0];
  if (first === undefined) return [];
  const always = turnTools.filter((tool) => resultOf(tool).required?.includes('changes')).map((tool) => tool.name);
  return [
    '## Every tool that runs Codex',
    `${turnTools.map((tool) => `\`${tool.name}\``).join(', ')} take these arguments besides their own:`,
    argumentsTable(rowsOf(only(first.inputSchema, (name) => commonArguments(tools).includes(name)))),
    `and give these results besides their own. \`changes\` is always there for ${always.map((name) => `\`${name}\``).join(' and ')}:`,
    resultsTable(rowsOf(only(resultOf(first), (name) => shared.has(name)))),
    handleParagraph(first),
  ];
}

/** What answers a call in place of a result. @param {ListedTool} tool */
function handleParagraph(tool) {
  const required = tool.outputSchema.anyOf?.[1]?.required ?? [];
  return `A call that asked for no progress and outlasts \`HANDLE_AFTER\` is answered with a handle instead: ${spoken(required)}. Its turn goes on, and \`get_turn\` has its result.`;
}

/** The schema of a result, without the handle that may stand in its place. @param {ListedTool} tool @returns {Schema} */
function resultOf({ outputSchema }) {
  const [result] = outputSchema.anyOf ?? [];
  return result === undefined ? outputSchema : { ...outputSchema, required: result.required ?? [] };
}

/** @param {ListedTool} tool @param {ReadonlySet<string>} shared @param {readonly string[]} common @returns {string[]} */
function toolSection(tool, shared, common) {
  const turn = runsCodex(tool);
  return [
    `## ${tool.name}`,
    `\`${signature(tool, common)}\` · ${tool.title} · ${tool.annotations.readOnlyHint ? 'changes nothing' : 'can change or stop things'}`,
    tool.description,
    argumentsTable(rowsOf(only(tool.inputSchema, (name) => !turn || !common.includes(name)))),
    resultsTable(rowsOf(only(resultOf(tool), (name) => !turn || !shared.has(name)))),
  ];
}

/** A tool as a call, without the arguments that all tools which run Codex share. @param {ListedTool} tool @param {readonly string[]} common */
function signature(tool, common) {
  const required = tool.inputSchema.required ?? [];
  const names = Object.keys(tool.inputSchema.properties ?? {}).filter((name) => tool.kind === 'management' || !common.includes(name));
  return `${tool.name}(${names.map((name) => (required.includes(name) ? name : `${name}?`)).join(', ')})`;
}

/** The schema with some of its properties. @param {Schema} schema @param {(name: string) => boolean} wanted @returns {Schema} */
function only(schema, wanted) {
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => wanted(name));
  return { ...schema, properties: Object.fromEntries(properties) };
}

/** One row per property at any depth: path, type, required, description. @param {Schema} schema @returns {string[][]} */
function rowsOf(schema, prefix = '') {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const nested = rowsOf(property.items ?? property, property.items === undefined ? `${path}.` : `${path}[].`);
    const required = schema.required?.includes(name) ? 'yes' : 'no';
    return [[`\`${path}\``, typeOf(property), required, cell(property.description ?? '')], ...nested];
  });
}

/** @param {Schema} schema @returns {string} */
function typeOf(schema) {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.items !== undefined) return `list of ${schema.items.type}s`;
  return schema.type ?? 'any';
}

/** @param {string[][]} rows */
const argumentsTable = (rows) => table(['argument', 'type', 'required', 'meaning'], rows);

/** @param {string[][]} rows */
const resultsTable = (rows) => table(['result', 'type', 'always there', 'meaning'], rows);

/** @param {string[]} head @param {string[][]} rows */
function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** @param {string} text */
const cell = (text) => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
