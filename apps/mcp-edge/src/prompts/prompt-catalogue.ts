import type { Completed } from '../resources/completion.service.js';

/** An argument of a prompt; `completes` says from what: words, or what the registries hold. */
export type PromptArgument = { readonly description: string; readonly required?: true; readonly completes?: readonly string[] | Completed };

/** Words for a client's model, by which it has a common job done here. */
export type PromptDefinition = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The tool that it is about: without it a client does not see the prompt. */
  readonly tool: string;
  readonly arguments: Readonly<Record<string, PromptArgument>>;
  text(this: void, args: Readonly<Record<string, string>>): string;
};

const agent: PromptArgument = { description: 'Which agent does it. Default: the one of this connection', completes: 'agent' };

const TURN = 'If it answers with a status of queued or running, wait with get_turn and do not call again.';

const given = (label: string, value: string | undefined): string | undefined => (value === undefined || value.trim() === '' ? undefined : `${label}: ${value}`);

const told = (...lines: (string | undefined)[]): string => lines.filter((line) => line !== undefined).join('\n');

export const PROMPTS: readonly PromptDefinition[] = [
  {
    name: 'review_change',
    title: 'Review my change',
    description: 'Has Codex review what changed in the workspace, and sums up what to do about it.',
    tool: 'review',
    arguments: {
      change: { description: 'uncommitted, branch:<base> or commit:<sha>. Default: uncommitted', completes: ['uncommitted', 'branch:main', 'branch:master', 'commit:HEAD'] },
      focus: { description: 'What to look at in particular', completes: ['correctness', 'concurrency', 'error handling', 'performance', 'security', 'tests'] },
      agent_id: agent,
    },
    text: ({ change = 'uncommitted', focus, agent_id }) =>
      told(`Have my change reviewed with the tool review, content "${change}".`, given('focus_areas', focus), given('agent_id', agent_id), TURN, 'Then tell me the findings by severity with file and line, those first that you would fix yourself, and say which ones you do not agree with and why.'),
  },
  {
    name: 'plan_feature',
    title: 'Plan a feature',
    description: 'Has Codex plan a feature in the workspace without changing anything.',
    tool: 'plan',
    arguments: { feature: { description: 'What is wanted', required: true }, constraints: { description: 'What must hold' }, agent_id: agent },
    text: ({ feature, constraints, agent_id }) =>
      told(`Have this planned with the tool plan, as its task: ${feature}`, given('constraints', constraints), given('agent_id', agent_id), TURN, 'Then show me the steps with the files they touch, the decisions with what speaks against them, and the open questions that I have to answer before work begins.'),
  },
  {
    name: 'fix_failure',
    title: 'Fix this failure',
    description: 'Has Codex find the cause of a failure, fix it in the workspace and prove it.',
    tool: 'fix',
    arguments: { failure: { description: 'Output of the failing test or command, or what goes wrong', required: true }, files: { description: 'Files that it has to do with', completes: 'path' }, agent_id: agent },
    text: ({ failure, files, agent_id }) =>
      told('Have this failure fixed with the tool fix, as its error_output:', '', failure, '', given('context_files', files), given('agent_id', agent_id), TURN, 'Then tell me the cause, show me the diff, and say what was run to prove that it works. Do not call apply before I have agreed.'),
  },
  {
    name: 'explain_code',
    title: 'Explain this code',
    description: 'Has Codex read a part of the workspace and explain it.',
    tool: 'chat',
    arguments: { path: { description: 'File, directory or symbol', required: true, completes: 'path' }, question: { description: 'What you want to know of it' }, agent_id: agent },
    text: ({ path, question, agent_id }) =>
      told(`Ask with the tool chat for an explanation of ${path}: what it is for, how it works, what depends on it, and what is surprising about it. Nothing is to be changed.`, given('I want to know in particular', question), given('agent_id', agent_id), TURN, 'Then explain it to me, with the places in the code.'),
  },
  {
    name: 'audit_code',
    title: 'Audit for security',
    description: 'Has Codex audit a part of the workspace for security and quality without changing anything.',
    tool: 'audit',
    arguments: {
      path: { description: 'What to audit', required: true, completes: 'path' },
      severity: { description: 'The least severity that counts', completes: ['critical', 'high', 'medium', 'low', 'info'] },
      agent_id: agent,
    },
    text: ({ path, severity, agent_id }) =>
      told(`Have ${path} audited with the tool audit, code "${path}".`, given('severity_threshold', severity), given('agent_id', agent_id), TURN, 'Then tell me each finding with its evidence, what an attacker gains by it, and the smallest fix.'),
  },
  {
    name: 'compare_solutions',
    title: 'Compare solutions',
    description: 'Gives one task to several agents, each on its own copy, and shows their changes side by side.',
    tool: 'implement_n',
    arguments: { task: { description: 'What is to be done', required: true }, files: { description: 'Files that may change', required: true, completes: 'path' }, agents: { description: 'How many agents. Default: 2', completes: ['2', '3', '4'] } },
    text: ({ task, files, agents = '2' }) =>
      told(`Give this task to ${agents} agents with the tool implement_n (n ${agents}, target_files ${files}): ${task}`, 'Wait for them with compare. Then show me how their changes differ, which one you would take and why. Do not call apply before I have chosen.'),
  },
];
