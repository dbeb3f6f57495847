import { findTool } from '@codex-mcp/tools';
import type { JSONRPCRequest } from '@modelcontextprotocol/server';

/** Whether a request can take long, or does something: its answer must reach a client whose connection broke. Others are as well asked again. */
export function isLasting({ method, params }: JSONRPCRequest): boolean {
  if (method !== 'tools/call') return false;
  const tool = typeof params?.['name'] === 'string' ? findTool(params['name']) : undefined;
  return !(tool?.kind === 'management' && tool.annotations.readOnlyHint && !('wait_s' in tool.arguments.shape));
}
