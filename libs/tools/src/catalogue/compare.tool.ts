import { TurnStatus } from '@codex-mcp/contracts';
import { z } from 'zod';
import { filledList } from '../arguments/argument.schema.js';
import { Changes, CommandRun, costUsd, TestRun } from '../outputs/turn-facts.schema.js';
import { blocks, code, table, titled } from '../rendering/markdown.js';
import { changesText, commandsText, costText, testOutcome, testsText } from '../rendering/turn.js';
import { defineManagementTool } from '../tool.js';

const MAX_WAIT_S = 50;

export const Compared = z.object({
  turn_id: z.string(),
  agent_id: z.string(),
  tool: z.string(),
  status: TurnStatus,
  summary: z.string().optional(),
  changes: Changes.optional(),
  commands: z.array(CommandRun).optional().describe('Shell commands that Codex ran, with their exit codes'),
  tests: z.array(TestRun).optional().describe('How tests ended, the last run of each command'),
  duration_ms: z.number().nonnegative().optional(),
  cost_usd: costUsd().optional(),
  error_code: z.string().optional().describe('Why it did not complete'),
});
export type Compared = z.infer<typeof Compared>;

export const compare = defineManagementTool({
  name: 'compare',
  title: 'Compare turns',
  description: 'What several turns of yours did, side by side: their changes, how their tests ended, the commands that they ran with exit codes, and what they say of it. For choosing among the answers of implement_n, or of any agents.',
  arguments: {
    turn_ids: filledList('The turns, at most 8'),
    wait_s: z.number().nonnegative().max(MAX_WAIT_S, `must be at most ${MAX_WAIT_S}`).describe('Seconds to wait for all of them to end. Default: 0').optional(),
  },
  output: {
    finished: z.boolean().describe('Whether all have ended'),
    turns: z.array(Compared),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ turns }) => comparison(turns),
});

/** A row for each turn, then all of each. */
export function comparison(turns: readonly Compared[]): string {
  return blocks(table(['agent', 'status', 'files', 'lines', 'tests', 'time', 'cost'], turns.map(row)), ...turns.map(comparedText));
}

function row({ agent_id: agentId, status, error_code: errorCode, changes, tests = [], duration_ms: durationMs, cost_usd: cost }: Compared): string[] {
  const sum = (key: 'additions' | 'deletions') => (changes?.files ?? []).reduce((total, file) => total + (file[key] ?? 0), 0);
  const lines = changes ? `+${sum('additions')} -${sum('deletions')}` : '';
  return [code(agentId), errorCode ?? status, changes ? String(changes.files.length) : '', lines, tests.map((run) => `${code(run.command)}: ${testOutcome(run)}`).join('; '), durationMs === undefined ? '' : `${(durationMs / 1000).toFixed(1)} s`, costText(cost) ?? ''];
}

function comparedText(turn: Compared): string | undefined {
  const outcome = turn.error_code ?? turn.summary;
  return titled(`${code(turn.agent_id)} ${turn.status}`, blocks(outcome ?? turn.turn_id, changesText(turn.changes), testsText(turn.tests), commandsText(turn.commands ?? [])));
}
