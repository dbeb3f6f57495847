import { type AgentIdentity, AppError, isTerminal, OWN_WORKSPACE, type TurnRecord } from '@codex-mcp/contracts';
import { type ArgumentsOf, Changes, type MANAGEMENT_TOOLS, type OutputOf, parseArguments, TestRun, TURN_TOOLS, TurnFacts } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { chooseAgent } from '../invocation/agent-choice.js';
import type { Caller } from '../invocation/invocation.js';
import { TurnAdmission } from '../invocation/turn-admission.service.js';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { endOf, TurnReading } from './turn-reading.service.js';

type ImplementN = (typeof MANAGEMENT_TOOLS)['implement_n'];
type Compare = (typeof MANAGEMENT_TOOLS)['compare'];

const MAX_TURNS = 8;

const Result = z.object({ summary: z.string().optional(), changes: Changes.optional(), commands: TurnFacts.shape.commands.optional(), tests: z.array(TestRun).optional(), duration_ms: z.number().optional(), cost_usd: z.number().optional() });

/** The tools `implement_n` and `compare`: one task for several agents, and their answers side by side. */
@Injectable()
export class FanOut {
  constructor(
    private readonly admission: TurnAdmission,
    private readonly lookup: TurnLookup,
    private readonly reading: TurnReading,
  ) {}

  /** An agent that cannot take the task is named with its error; the others work. */
  async implement({ n, wait_s: waitS = 0, ...given }: ArgumentsOf<ImplementN>, caller: Caller, agent: AgentIdentity, idempotencyKey: string | undefined): Promise<OutputOf<ImplementN>> {
    const { thread_id: thread, workspace } = given;
    if (thread !== undefined) throw new AppError('invalid_arguments', 'implement_n: a thread belongs to one agent; leave thread_id out.');
    if (workspace === OWN_WORKSPACE || (workspace === undefined && !caller.workspace)) throw new AppError('invalid_arguments', 'implement_n: name the directory to work on with workspace; each agent gets a copy of it.');
    if (given.workspace_mode === 'direct') throw new AppError('invalid_arguments', 'implement_n: several agents cannot work in one directory at a time; leave workspace_mode out.');
    const args = parseArguments(TURN_TOOLS.implement, given);
    await this.admission.assertCanRun(agent);
    const agents = Array.from({ length: n }, (_, at) => chooseAgent(caller, `${agent.agentId}-${at + 1}`));
    const turns = await Promise.all(agents.map((one) => this.begin(one, { ...args, agent_id: one.agentId }, caller, idempotencyKey)));
    const begun = turns.flatMap(({ turn_id: turnId }) => turnId ?? []);
    const compared = waitS > 0 && begun.length > 0 ? await this.compare(agent.tenant, { turn_ids: begun, wait_s: waitS }) : undefined;
    const wait = `The turns go on by themselves. Call compare with turn_ids ${JSON.stringify(begun)} and wait_s 50 until they have ended, then apply`;
    return { turns, ...(compared && { results: compared.turns }), next: `${compared?.finished ? 'Call apply' : wait} with the agent_id that you choose.` };
  }

  /** Rejects with `unknown_turn` where one is not the caller's. */
  async compare(tenant: string, { turn_ids: turnIds, wait_s: waitS = 0 }: ArgumentsOf<Compare>): Promise<OutputOf<Compare>> {
    if (turnIds.length > MAX_TURNS) throw new AppError('invalid_arguments', `compare: at most ${MAX_TURNS} turns at a time.`);
    const deadline = Date.now() + waitS * 1000;
    for (const turnId of turnIds) await this.reading.ended(tenant, turnId, deadline);
    const records = await Promise.all(turnIds.map((turnId) => this.lookup.find(tenant, turnId)));
    return { finished: records.every(({ status }) => isTerminal(status)), turns: records.map(comparedOf) };
  }

  private async begin(agent: AgentIdentity, args: object, caller: Caller, idempotencyKey: string | undefined): Promise<OutputOf<ImplementN>['turns'][number]> {
    try {
      const { request } = await this.admission.admit(this.admission.requestOf({ tool: TURN_TOOLS.implement, args, agent, caller, idempotencyKey }));
      return { agent_id: agent.agentId, turn_id: request.turnId };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { agent_id: agent.agentId, error_code: error.code, error: error.message };
    }
  }
}

function comparedOf(record: TurnRecord): OutputOf<Compare>['turns'][number] {
  const { turnId, agent, tool } = record.request;
  const { result, error } = endOf(record);
  return { turn_id: turnId, agent_id: agent.agentId, tool, status: record.status, ...Result.parse(result ?? {}), ...(error && { error_code: error.code }) };
}
