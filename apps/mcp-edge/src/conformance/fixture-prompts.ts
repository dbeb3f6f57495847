import type { GetPromptResult, Prompt, PromptMessage } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { InputRequired } from '../invocation/input-required.js';
import type { McpRequest } from '../mcp/mcp-request.js';
import { PNG } from './fixture-resources.js';

type Arguments = Readonly<Record<string, string>>;
type FixturePrompt = { readonly arguments?: string[]; messages(args: Arguments, request: McpRequest): PromptMessage['content'][] };

const words = (text: string) => ({ type: 'text' as const, text });
const Context = z.object({ action: z.literal('accept'), content: z.object({ context: z.string() }) });
const ASKED = { user_context: { method: 'elicitation/create', params: { mode: 'form', message: 'What is this about?', requestedSchema: { type: 'object', properties: { context: { type: 'string' } }, required: ['context'] } } } };

const PROMPTS: Readonly<Record<string, FixturePrompt>> = {
  test_simple_prompt: { messages: () => [words('This is a simple prompt for testing.')] },
  test_prompt_with_arguments: { arguments: ['arg1', 'arg2'], messages: ({ arg1, arg2 }) => [words(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] },
  test_prompt_with_embedded_resource: {
    arguments: ['resourceUri'],
    messages: ({ resourceUri = '' }) => [{ type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } }, words('Please process the embedded resource above.')],
  },
  test_prompt_with_image: { messages: () => [{ type: 'image', data: PNG, mimeType: 'image/png' }, words('Please analyze the image above.')] },
  test_input_required_result_prompt: {
    messages: (_, { answers }) => {
      const { data } = Context.safeParse(answers['user_context']);
      if (!data) throw new InputRequired(ASKED, {});
      return [words(`It is about ${data.content.context}`)];
    },
  },
};

export const FIXTURE_PROMPTS: Prompt[] = Object.entries(PROMPTS).map(([name, prompt]) => ({ name, description: name, ...(prompt.arguments && { arguments: prompt.arguments.map((argument) => ({ name: argument, required: true })) }) }));

export function promptFixture(name: string, args: Arguments, request: McpRequest): GetPromptResult | undefined {
  return PROMPTS[name] && { messages: PROMPTS[name].messages(args, request).map((content) => ({ role: 'user', content })) };
}
