import { ErrorBody } from '@codex-mcp/contracts';
import { type Step } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { type CallToolResult, CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

export type Output = Record<string, unknown>;

/** What the fake model is to do, as words for an argument of a call. */
export function directive(...steps: Step[]): string {
  return `<<fake ${JSON.stringify(steps.length === 1 ? steps[0] : { steps })}>>`;
}

/** One tool call, whatever comes of it. */
export async function call(client: Client, tool: string, args: Output = {}, options?: RequestOptions): Promise<CallToolResult> {
  return CallToolResultSchema.parse(await client.callTool({ name: tool, arguments: args }, CallToolResultSchema, options));
}

/** The structured output of a call that must succeed. */
export async function outputOf(client: Client, tool: string, args: Output = {}, options?: RequestOptions): Promise<Output> {
  const result = await call(client, tool, args, options);
  if (result.isError || !result.structuredContent) throw new Error(`${tool} failed: ${JSON.stringify(result.content)}`);
  return result.structuredContent;
}

/** The error of a call that must fail. */
export async function errorOf(client: Client, tool: string, args: Output = {}, options?: RequestOptions): Promise<ErrorBody> {
  const result = await call(client, tool, args, options);
  if (!result.isError) throw new Error(`${tool} succeeded: ${JSON.stringify(result.structuredContent)}`);
  return ErrorBody.parse(result._meta?.['codex-mcp/error']);
}

const chatAnswer = z.object({ answer: z.string() });

/** The text that a chat which may write answers with. */
export async function chat(client: Client, message: string, args: Output = {}, options?: RequestOptions): Promise<string> {
  return chatAnswer.parse(await outputOf(client, 'chat', { message, write: true, ...args }, options)).answer;
}

/** Has the agent run a command, as the model would, and returns what it prints, as the model gets to see it. Codex reads two streams in any order, so there is one. */
export async function runInAgent(client: Client, command: string, args: Output = {}): Promise<string> {
  const seen = await chat(client, directive({ shell: `exec 2>&1; ${command}` }), args);
  return seen.replace(/^[^]*?\nOutput:\n+/, '').trim();
}
