import { isAbsolute } from 'node:path';
import { Effort } from '@codex-mcp/contracts';
import { z } from 'zod';
import { choice, text } from '../arguments/argument.schema.js';
import { defineDropInTool } from '../drop-in-tool.js';

const CONFIG_KEYS = ['model', 'model_reasoning_effort'];

const Config = z
  .looseObject({ model: z.string().optional(), model_reasoning_effort: choice(Effort, 'Reasoning effort of the conversation').optional() })
  .refine((config) => Object.keys(config).every((key) => CONFIG_KEYS.includes(key)), `must hold nothing but ${CONFIG_KEYS.join(' and ')}: the rest of Codex's configuration is this server's`);

/** An argument of the former server that nothing here can stand for. */
const refused = (description: string, instead: string) => text(`${description} Refused: ${instead}.`).refine(() => false, `must be left out: ${instead}`).optional();

const APPROVAL_MODES = { untrusted: 'manual', 'on-failure': 'suggest', 'on-request': 'suggest', never: 'auto' } as const;

/** Who asks for write access to a directory means the directory itself, as the former server did; all else works on a copy. */
function workspaceOf(cwd: string | undefined, sandbox: string | undefined) {
  if (cwd === undefined) return {};
  return { workspace: cwd, workspace_mode: sandbox === 'workspace-write' || sandbox === 'danger-full-access' ? 'direct' : 'isolated' };
}

export const codex = defineDropInTool({
  name: 'codex',
  title: 'Codex',
  description: 'Begins a conversation with Codex, as the tool of this name of `codex mcp-server` did; codex-reply goes on with it. For its clients: chat, plan, implement and the others give more.',
  arguments: {
    prompt: text('The first message, passed on as it is'),
    model: text('Model of the conversation. Default: CODEX_MODEL of the server.').optional(),
    cwd: z
      .string()
      .refine(isAbsolute, 'must be an absolute path of a directory on the server')
      .describe('Absolute path of the directory to work in, under one of WORKSPACE_ROOTS. Each directory has an agent of its own. Default: the workspace of your agent.')
      .optional(),
    sandbox: choice(
      z.enum(['read-only', 'workspace-write', 'danger-full-access']),
      'read-only: nothing is changed. workspace-write: cwd itself may be changed; danger-full-access gives no more than that here. Default: a copy of cwd may be changed, which `apply` takes over.',
    ).optional(),
    'approval-policy': choice(
      z.enum(['untrusted', 'on-failure', 'on-request', 'never']),
      "When Codex asks: untrusted, before every command and change; on-request and on-failure, for what it holds to be dangerous or beyond its sandbox; never. The stricter of this and the server's counts. list_approvals shows what is asked, answer_approval answers.",
    ).optional(),
    config: Config.describe(`Codex's configuration for the conversation: ${CONFIG_KEYS.join(' and ')}; anything else is refused`).optional(),
    profile: refused('A profile of config.toml.', 'agents have no profiles; name model, and the effort as config.model_reasoning_effort'),
    'base-instructions': refused("Instructions in place of Codex's own.", 'Codex keeps its own; put what it is to know into developer-instructions'),
    'developer-instructions': text('Instructions that come before the first message').optional(),
    'compact-prompt': text('Not used: a conversation that grows too long is compacted with Codex’s own prompt').optional(),
  },
  meaning: ({ prompt: message, model, cwd, sandbox, config, agent_id, timeout_s, idempotency_key, 'approval-policy': policy, 'developer-instructions': instructions }) => {
    const settings = { model: model ?? config?.model, effort: config?.model_reasoning_effort };
    const approvalMode = policy && APPROVAL_MODES[policy];
    return {
      chat: { message, ...settings, approval_mode: approvalMode, ...workspaceOf(cwd, sandbox), agent_id, timeout_s, idempotency_key, context: instructions === undefined ? undefined : { developer_instructions: instructions } },
      conversation: { begins: { ...settings, approvalMode, ...(sandbox === 'read-only' && { readOnly: true }) } },
    };
  },
});
