import { type AgentIdentity, isTerminal } from '@codex-mcp/contracts';
import { type ArgumentsOf, type MANAGEMENT_TOOLS, nextStep, type OutputOf, parseArguments, TURN_TOOLS, type TurnTool } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { chooseAgent } from '../invocation/agent-choice.js';
import type { Caller } from '../invocation/invocation.js';
import { type AdmittedTurn, TurnAdmission } from '../invocation/turn-admission.service.js';

type Start = (typeof MANAGEMENT_TOOLS)['start'];

/** The tool `start`. */
@Injectable()
export class TurnStart {
  constructor(private readonly admission: TurnAdmission) {}

  async start({ tool: name, arguments: given }: ArgumentsOf<Start>, caller: Caller, agent: AgentIdentity, idempotencyKey: string | undefined): Promise<OutputOf<Start>> {
    const tool: TurnTool = TURN_TOOLS[name];
    const args = parseArguments(tool, given);
    const { agent_id: named } = args as { agent_id?: string };
    const target = named === undefined ? agent : chooseAgent(caller, named);
    await this.admission.assertCanRun(target);
    return startedTurn(await this.admission.admit(this.admission.requestOf({ tool, args, agent: target, caller, idempotencyKey })));
  }
}

/** A turn as its caller sees it right after the start. */
export function startedTurn({ request, threadId, status, position }: AdmittedTurn): OutputOf<Start> {
  const { turnId, agent, tool } = request;
  const next = isTerminal(status) ? `The turn has ended. Call get_turn with turn_id "${turnId}" for its result.` : nextStep(turnId);
  return { turn_id: turnId, agent_id: agent.agentId, thread_id: threadId, tool, status, position, next };
}
