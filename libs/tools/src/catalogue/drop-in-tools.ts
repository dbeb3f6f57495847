import { codex } from './codex.tool.js';
import { codexReply } from './codex-reply.tool.js';

/** The tools of the former `codex mcp-server`, for its clients. */
export const DROP_IN_TOOLS = { codex, 'codex-reply': codexReply } as const;
