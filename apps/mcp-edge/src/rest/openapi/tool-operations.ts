import { type JsonSchema, runsTurn, type Tool, toJsonSchema, TOOLS } from '@codex-mcp/tools';
import { callResult } from '../job.schema.js';
import { EVENT_STREAM, json, parameterRef, responseRef, schemaRef, securityOf } from './components.js';

const TAGS = { turn: 'Codex', workspace: 'Workspaces', management: 'Agents and turns', drop_in: 'Codex' } as const;

/** Every tool as operations below /tools, and the schemas of their arguments and results. */
export function toolOperations(): { paths: JsonSchema; schemas: JsonSchema } {
  const tools = [...TOOLS.values()];
  const list = {
    get: {
      operationId: 'list_tools',
      tags: ['Tools'],
      summary: 'All tools with their JSON schemas',
      parameters: [parameterRef('CorrelationId')],
      responses: { 200: { description: 'What tools/list shows over MCP', content: json({ type: 'object', properties: { tools: { type: 'array', items: schemaRef('ListedTool') } }, required: ['tools'] }) }, default: responseRef('Problem') },
    },
  };
  return {
    paths: { '/tools': list, ...Object.fromEntries(tools.map((tool) => [`/tools/${tool.name}`, pathItem(tool)])) },
    schemas: Object.fromEntries(tools.flatMap((tool) => [[argumentsName(tool), tool.inputSchema], [resultName(tool), toJsonSchema(callResult(tool.output), 'output')]])),
  };
}

const argumentsName = ({ name }: Tool): string => `${pascalCase(name)}Arguments`;
const resultName = ({ name }: Tool): string => `${pascalCase(name)}Result`;

const pascalCase = (name: string): string => name.split(/[_-]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');

function pathItem(tool: Tool): JsonSchema {
  return isReadable(tool) ? { get: readOperation(tool), post: callOperation(tool) } : { post: callOperation(tool) };
}

/** What can be asked for with nothing but the agent, and changes nothing. */
const isReadable = ({ kind, annotations, inputSchema }: Tool): boolean =>
  kind === 'management' && annotations.readOnlyHint && requiredOf(inputSchema).every((name) => name === 'agent_id');

const requiredOf = ({ required }: JsonSchema): readonly unknown[] => (Array.isArray(required) ? required : []);

function callOperation(tool: Tool): JsonSchema {
  const queued = runsTurn(tool);
  return {
    operationId: tool.name,
    tags: [TAGS[tool.kind]],
    summary: tool.title,
    security: securityOf(tool.scope),
    description: queued ? `${tool.description}\n\nA caller that hangs up does not cancel the turn.` : tool.description,
    parameters: [
      ...(['AgentHeader', 'AgentQuery', 'WorkspaceHeader', 'WorkspaceQuery', 'IdempotencyKey', 'CorrelationId'] as const).map(parameterRef),
      ...(queued ? [parameterRef('Prefer')] : []),
    ],
    requestBody: { required: requiredOf(tool.inputSchema).length > 0, description: 'Read as JSON whatever its Content-Type; at most 4 MiB.', content: json(schemaRef(argumentsName(tool))) },
    responses: {
      200: { description: queued ? 'The result of the turn; its events for a caller that accepts text/event-stream' : 'The result', content: { ...json(schemaRef(resultName(tool))), ...(queued && EVENT_STREAM) } },
      ...(queued && { 202: responseRef('Accepted') }),
      default: responseRef('Problem'),
    },
  };
}

function readOperation(tool: Tool): JsonSchema {
  return {
    operationId: `read_${tool.name}`,
    tags: [TAGS[tool.kind]],
    summary: tool.title,
    security: securityOf(tool.scope),
    description: tool.description,
    parameters: [parameterRef('AgentQuery'), parameterRef('CorrelationId')],
    responses: { 200: { description: 'The result', content: json(schemaRef(resultName(tool))) }, default: responseRef('Problem') },
  };
}
