import { toErrorBody } from '@codex-mcp/contracts';
import type { CallToolResult } from '@modelcontextprotocol/server';
import type { ToolResult } from '../invocation/invocation.js';
import { turnIdOf } from '../invocation/turn.errors.js';

/** What a call gave, complete for programs and readable for people. */
export function resultOf({ structured, text, turnId }: ToolResult, correlationId: string): CallToolResult {
  return {
    structuredContent: structured,
    content: [{ type: 'text', text }],
    _meta: { 'codex-mcp/correlationId': correlationId, ...(turnId !== undefined && { 'codex-mcp/turnId': turnId }) },
  };
}

/** What went wrong in a call, with the turn that it belongs to. */
export function errorResult(thrown: unknown, correlationId: string): CallToolResult {
  const error = toErrorBody(thrown);
  const turnId = turnIdOf(thrown);
  return {
    isError: true,
    content: [
      { type: 'text', text: `${error.code}: ${error.message}` },
      { type: 'text', text: JSON.stringify({ error, turn_id: turnId }, null, 2) },
    ],
    _meta: { 'codex-mcp/error': error, 'codex-mcp/correlationId': correlationId, ...(turnId !== undefined && { 'codex-mcp/turnId': turnId }) },
  };
}
