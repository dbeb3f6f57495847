import { audit } from './audit.tool.js';
import { chat } from './chat.tool.js';
import { debug } from './debug.tool.js';
import { fix } from './fix.tool.js';
import { implement } from './implement.tool.js';
import { plan } from './plan.tool.js';
import { review } from './review.tool.js';

/** Tools that Codex runs, typed by name. */
export const TURN_TOOLS = { plan, implement, review, fix, chat, audit, debug } as const;

export type TurnToolName = keyof typeof TURN_TOOLS;

export const TURN_TOOL_NAMES = Object.keys(TURN_TOOLS) as [TurnToolName, ...TurnToolName[]];
