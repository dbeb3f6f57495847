import type { TurnRequest } from '@codex-mcp/contracts';
import type { TurnStore } from '@codex-mcp/messaging';
import type { ArgumentsOf, OutputOf, WORKSPACE_TOOLS, WorkspaceToolName } from '@codex-mcp/tools';
import type { AgentSession, Lookout } from '../../agents/agent-session.js';

/** What an operation works with: the call, the agent's open session, and the records of its turns. */
export type OperationContext = { request: TurnRequest; session: AgentSession; turns: TurnStore };

/** As much of it as those need that only look. */
export type LookContext = Omit<OperationContext, 'session'> & { session: Lookout };

type ToolOf<Name extends WorkspaceToolName> = (typeof WORKSPACE_TOOLS)[Name];
type Facts = 'turn_id' | 'agent_id' | 'duration_ms';

/** Answers a workspace tool; the facts of the call are added to what it returns. */
export type Operation<Name extends WorkspaceToolName, Context = OperationContext> = (context: Context, args: ArgumentsOf<ToolOf<Name>>) => Promise<Omit<OutputOf<ToolOf<Name>>, Facts>>;
/** One that changes nothing, also not in what is kept of the workspace. */
export type Look<Name extends WorkspaceToolName> = Operation<Name, LookContext>;

/** Does what changes the workspace and remembers its states around that, as those of a turn. */
export async function recorded<Result>({ request, session }: OperationContext, change: () => Promise<Result>): Promise<Result> {
  const from = await session.workspace.take();
  try {
    return await change();
  } finally {
    session.workspaceChanged();
    await session.workspace.recordTurn({ turnId: request.turnId }, { from, to: await session.workspace.take() });
  }
}
