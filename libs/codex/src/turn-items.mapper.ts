import type { TurnItem } from '@codex-mcp/contracts';
import type { ThreadItem } from './protocol.js';

/** Output of a command beyond this is cut in the turn log; Codex itself sees all of it. */
const MAX_OUTPUT_CHARACTERS = 16_000;

const STATUS: Record<string, 'running' | 'completed' | 'failed' | 'declined'> = {
  inProgress: 'running',
  completed: 'completed',
  failed: 'failed',
  declined: 'declined',
};

/** Codex's item as the turn log holds it; undefined for what the caller said himself. */
export function toTurnItem(item: ThreadItem): TurnItem | undefined {
  switch (item.type) {
    case 'userMessage':
      return undefined;
    case 'agentMessage':
      return { type: 'message', id: item.id, text: item.text, interim: item.phase === 'commentary' };
    case 'reasoning':
      return { type: 'reasoning', id: item.id, text: item.summary.join('\n') };
    case 'commandExecution':
      return commandItem(item);
    case 'fileChange':
      return { type: 'file_change', id: item.id, status: STATUS[item.status] ?? 'completed', files: item.changes.map(({ path, kind }) => ({ path, kind: kind.type })) };
    case 'mcpToolCall':
      return { type: 'tool_call', id: item.id, name: `${item.server}.${item.tool}`, status: item.status };
    case 'plan':
      return { type: 'plan', id: item.id, text: item.text };
    case 'exitedReviewMode':
      return { type: 'review', id: item.id, text: item.review };
    case 'contextCompaction':
      return { type: 'compaction', id: item.id };
    case 'unknown':
      return { type: 'other', id: item.id, name: item.name };
  }
}

function commandItem(item: Extract<ThreadItem, { type: 'commandExecution' }>): TurnItem {
  const output = item.aggregatedOutput ?? undefined;
  return {
    type: 'command',
    id: item.id,
    command: unwrapShell(item.command),
    status: STATUS[item.status] ?? 'completed',
    ...(typeof item.exitCode === 'number' && { exitCode: item.exitCode }),
    ...(typeof item.durationMs === 'number' && { durationMs: item.durationMs }),
    ...(output !== undefined && { output: cut(output) }),
  };
}

/** Codex shows `/bin/bash -lc 'ls -la'` for the command `ls -la`, its last word in whatever quotes it needs. */
export function unwrapShell(command: string): string {
  const [, word] = /^(?:\/\S*\/)?(?:ba|z)?sh -l?c ([^]+)$/.exec(command) ?? [];
  return (word === undefined ? undefined : unquoted(word)) ?? command;
}

const QUOTED = /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)/y;

/** One word of a shell without its quotes; undefined for anything else. */
function unquoted(word: string): string | undefined {
  let text = '';
  QUOTED.lastIndex = 0;
  for (let at = 0; at < word.length; at = QUOTED.lastIndex) {
    const [found, single, double, escaped, bare] = QUOTED.exec(word) ?? [];
    if (found === undefined) return undefined;
    text += single ?? double?.replaceAll(/\\([\\"$`])/g, '$1') ?? escaped ?? bare ?? '';
  }
  return text;
}

const cut = (text: string): string =>
  text.length <= MAX_OUTPUT_CHARACTERS ? text : `${text.slice(0, MAX_OUTPUT_CHARACTERS)}\n… ${text.length - MAX_OUTPUT_CHARACTERS} more characters`;
