import { selectTools } from '@codex-mcp/tools';
import { type GetPromptResult, INVALID_PARAMS, type ListPromptsResult, type Prompt, ProtocolError } from '@modelcontextprotocol/server';
import { Injectable } from '@nestjs/common';
import { type PromptDefinition, PROMPTS } from '../prompts/prompt-catalogue.js';
import { PROMPT_ICONS } from './icons.js';
import type { McpRequest } from './mcp-request.js';

const LISTED: ReadonlyMap<PromptDefinition, Prompt> = new Map(
  PROMPTS.map((definition) => {
    const args = Object.entries(definition.arguments).map(([name, { description, required = false }]) => ({ name, description, required }));
    return [definition, { name: definition.name, title: definition.title, description: definition.description, arguments: args, icons: PROMPT_ICONS }];
  }),
);

/** Common jobs as MCP prompts. */
@Injectable()
export class PromptHandlers {
  /** Those whose tools the client sees. */
  list(request: McpRequest): ListPromptsResult {
    return { prompts: [...LISTED].filter(([definition]) => isOffered(definition, request)).map(([, prompt]) => prompt), ...(request.toolset !== undefined && { cacheScope: 'private' }) };
  }

  get(request: McpRequest, { name, arguments: args = {} }: { name: string; arguments?: Record<string, string> | undefined }): GetPromptResult {
    const definition = this.find(request, name);
    const missing = Object.entries(definition.arguments).flatMap(([argument, { required }]) => (required && (args[argument] ?? '').trim() === '' ? argument : []));
    if (missing.length > 0) throw new ProtocolError(INVALID_PARAMS, `The prompt ${name} needs ${missing.join(', ')}.`);
    return { description: definition.description, messages: [{ role: 'user', content: { type: 'text', text: definition.text(args) } }] };
  }

  /** Throws a protocol error for a prompt that the client does not see. */
  find(request: McpRequest, name: string): PromptDefinition {
    const definition = PROMPTS.find((one) => one.name === name && isOffered(one, request));
    if (!definition) throw new ProtocolError(INVALID_PARAMS, `Unknown prompt: ${name.slice(0, 80)}`);
    return definition;
  }
}

const isOffered = ({ tool }: PromptDefinition, { toolset }: McpRequest): boolean => selectTools(toolset).find(tool) !== undefined;
