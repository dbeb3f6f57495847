import { AppError, toErrorBody } from '@codex-mcp/contracts';
import { type CompleteRequestParams, type CompleteResult, INTERNAL_ERROR, INVALID_PARAMS, ProtocolError } from '@modelcontextprotocol/server';
import { Injectable } from '@nestjs/common';
import { asCaller } from '../access/principal.js';
import { chooseAgent } from '../invocation/agent-choice.js';
import { type Completed, Completion } from '../resources/completion.service.js';
import { RESOURCE_TEMPLATES } from '../resources/resource-templates.js';
import type { McpRequest } from './mcp-request.js';
import { PromptHandlers } from './prompt-handlers.service.js';

/** As many as the protocol allows. */
const MAX_VALUES = 100;

const OF_TEMPLATES: Readonly<Record<string, Completed>> = { agent_id: 'agent', thread_id: 'thread', turn_id: 'turn', path: 'path' };

/** Values for the arguments of prompts and resource templates. */
@Injectable()
export class CompletionHandlers {
  constructor(
    private readonly completion: Completion,
    private readonly prompts: PromptHandlers,
  ) {}

  async complete(request: McpRequest, { ref, argument, context }: CompleteRequestParams): Promise<CompleteResult> {
    const completes = ref.type === 'ref/prompt' ? this.prompts.find(request, ref.name).arguments[argument.name]?.completes : ofTemplate(ref.uri, argument.name);
    if (completes === undefined) return answer([]);
    if (typeof completes !== 'string') return answer(completes.filter((word) => word.startsWith(argument.value.toLowerCase())));
    const agentId = context?.arguments?.['agent_id'] || (await request.defaultAgentId());
    const caller = { ...asCaller(request.principal), defaultAgentId: agentId, correlationId: request.correlationId };
    try {
      return answer(await this.completion.values(completes, chooseAgent(caller, agentId), argument.value));
    } catch (error) {
      if (error instanceof AppError && error.code === 'invalid_agent_id') return answer([]);
      const body = toErrorBody(error);
      throw new ProtocolError(INTERNAL_ERROR, `${body.code}: ${body.message}`, body);
    }
  }
}

function ofTemplate(uri: string, name: string): Completed | undefined {
  const template = RESOURCE_TEMPLATES.find(({ uriTemplate }) => uriTemplate === uri);
  if (!template) throw new ProtocolError(INVALID_PARAMS, `Unknown resource template: ${uri.slice(0, 200)}`);
  return template.uriTemplate.includes(`{${name}}`) || template.uriTemplate.includes(`{+${name}}`) ? OF_TEMPLATES[name] : undefined;
}

const answer = (values: readonly string[]): CompleteResult => ({ completion: { values: values.slice(0, MAX_VALUES), total: values.length, hasMore: values.length > MAX_VALUES } });
