import type { AgentView } from '../outputs/agent-view.schema.js';
import { bullets, code, labelled, lines } from './markdown.js';

/** Agents as a list; `none` is said when there are none. */
export function agentsText(agents: readonly AgentView[], none: string): string {
  return agents.length === 0 ? none : bullets(agents.map(agentText));
}

/** One agent; what is not known of it is left out. */
export function agentText(agent: Partial<AgentView> & Pick<AgentView, 'agent_id'>): string {
  const running = agent.running_turn && `${agent.running_turn.tool} (${agent.running_turn.turn_id}) since ${agent.running_turn.started_at}`;
  return lines(
    `${code(agent.agent_id)}${agent.status === undefined ? '' : ` ${agent.status}`}`,
    labelled('Runs', running),
    labelled('Queued turns', agent.queued_turns),
    labelled('Workspace', agent.workspace_mode === 'isolated' ? `a copy of ${agent.workspace}` : agent.workspace),
    labelled('Runtime', agent.runtime && [agent.runtime, agent.container_id].filter((part) => part !== undefined).join(' ')),
    labelled('Read-only calls', agent.read_only_turns),
    labelled('Thread', agent.thread_id),
    labelled('Created', agent.created_at),
    labelled('Last active', agent.last_active_at),
  );
}
