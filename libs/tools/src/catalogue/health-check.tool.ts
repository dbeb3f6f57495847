import { RuntimeName, SignIn } from '@codex-mcp/contracts';
import { z } from 'zod';
import { blocks, bullets, labelled, lines } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';

const count = () => z.int().nonnegative();

export const healthCheck = defineManagementTool({
  name: 'health_check',
  title: 'Health check',
  description: 'Whether the server can run turns at the moment, and if not, why: its processes, the sign-in at OpenAI, and how much is running and queued.',
  arguments: {},
  output: {
    status: z.enum(['ok', 'degraded']),
    problems: z.array(z.string()).describe('What is wrong and what to do about it; empty when all is well'),
    version: z.string(),
    uptime_seconds: z.number().nonnegative(),
    runtime: RuntimeName.optional().describe('What hosts agents'),
    sign_in: SignIn.omit({ problem: true, shared: true }),
    active_sessions: count(),
    running_turns: count(),
    queued_turns: count(),
    workers: count(),
    supervisors: count(),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: (health) =>
    blocks(
      `**${health.status}** · codex-mcp ${health.version} · up ${Math.round(health.uptime_seconds)} s`,
      bullets(health.problems),
      lines(
        labelled('Sign-in', [health.sign_in.method, health.sign_in.source].filter((part) => part !== undefined).join(' from ')),
        labelled('Runtime', health.runtime),
        `Sessions: ${health.active_sessions} active; turns: ${health.running_turns} running, ${health.queued_turns} queued`,
        `Workers: ${health.workers}; supervisors: ${health.supervisors}`,
      ),
    ),
});
