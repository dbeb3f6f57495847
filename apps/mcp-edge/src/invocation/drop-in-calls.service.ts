import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { normaliseAgentId, type ThreadSettings } from '@codex-mcp/contracts';
import { ThreadStore } from '@codex-mcp/messaging';
import { type DropInOutput, type DropInTool, parseArguments, sessionIdText, TURN_TOOLS } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { chooseAgent } from './agent-choice.js';
import type { Caller, Invocation, ToolResult } from './invocation.js';
import { unknownThread } from './thread.errors.js';
import type { TurnCall } from './turn-admission.service.js';

/** What of a name is left beside the hash that tells directories apart. */
const MAX_NAME_CHARACTERS = 50;

const ChatResult = z.object({ turn_id: z.string(), agent_id: z.string(), thread_id: z.string(), answer: z.string().optional(), status: z.enum(['queued', 'running']).optional(), next: z.string().optional() });

const Chosen = z.object({ agent_id: z.string().optional(), workspace: z.string().optional(), workspace_mode: z.string().optional() });

/** Calls of tools of another server as turns of `chat`, and the answers in that server's form. */
@Injectable()
export class DropInCalls {
  constructor(private readonly threads: ThreadStore) {}

  /** `args` are those that parseArguments made for the tool. Rejects with `invalid_arguments`, `invalid_agent_id` or `unknown_thread`. */
  async callOf(tool: DropInTool, args: object, { caller, idempotencyKey }: Invocation): Promise<TurnCall> {
    const { chat, conversation } = tool.meaning(args as Parameters<typeof tool.meaning>[0]);
    const agent = chooseAgent(caller, agentIdOf(caller, Chosen.parse(chat)));
    const common = { tool: TURN_TOOLS.chat, agent, idempotencyKey };
    if ('begins' in conversation) {
      const { begins } = conversation;
      return { ...common, caller, args: parseArguments(TURN_TOOLS.chat, { ...chat, write: begins.readOnly !== true }), begins, readOnly: begins.readOnly ?? false };
    }
    const thread = await this.threads.get(agent.key, conversation.continues.threadId);
    if (!thread) throw unknownThread(agent);
    const { readOnly = false, approvalMode, ...settings }: ThreadSettings = thread.settings ?? {};
    // The agent stays in its directory, wherever this connection works.
    return { ...common, caller: { ...caller, workspace: undefined }, args: parseArguments(TURN_TOOLS.chat, { ...settings, approval_mode: approvalMode, write: !readOnly, ...chat }), readOnly };
  }

  /** The result of such a turn, or its handle. */
  resultOf(tool: DropInTool, { structured, ...rest }: ToolResult): ToolResult {
    const { turn_id, agent_id, thread_id, answer, status, next } = ChatResult.parse(structured);
    const content = answer ?? `The turn is not finished (${status}). ${next}`;
    const output: DropInOutput = { threadId: sessionIdText({ agentId: agent_id, threadId: thread_id }), content, turn_id, agent_id, status, next };
    return { ...rest, structured: JSON.parse(JSON.stringify(output)) as ToolResult['structured'], text: tool.render(output) };
  }
}

/** The agent that the call names, else one for its directory, so that conversations in two directories do not move an agent to and fro. */
function agentIdOf({ defaultAgentId }: Caller, { agent_id: named, workspace, workspace_mode: mode }: z.infer<typeof Chosen>): string | undefined {
  if (named !== undefined || workspace === undefined) return named;
  const place = createHash('sha256').update(`${mode}\0${resolve(workspace)}`).digest('hex').slice(0, 12);
  return `${(normaliseAgentId(defaultAgentId) ?? 'default').slice(0, MAX_NAME_CHARACTERS)}-${place}`;
}
