import { AppError, isTerminal, isTerminalEvent, type TurnRecord } from '@codex-mcp/contracts';
import { findTool, renderOutput } from '@codex-mcp/tools';
import { type CallToolResult, INVALID_PARAMS, MissingRequiredClientCapabilityError, ProtocolError } from '@modelcontextprotocol/server';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { assertScope } from '../access/scopes.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import type { Question } from '../invocation/invocation.js';
import { TurnCanceller } from '../invocation/turn-canceller.service.js';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { TurnError } from '../invocation/turn.errors.js';
import type { McpRequest } from './mcp-request.js';
import { errorResult, resultOf } from './tool-results.js';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
const POLL_INTERVAL_MS = 1000;

const TaskParams = z.looseObject({ taskId: z.string() });

export type TaskEnd = { readonly result: CallToolResult } | { readonly error: { readonly code: number; readonly message: string } };

/** What turns wait for a person to say; answers to what nobody waits for are dropped. */
export interface TurnQuestions {
  pending(turn: TurnRecord): Promise<Readonly<Record<string, Question>>>;
  answer(turn: TurnRecord, answers: Readonly<Record<string, unknown>>, request: McpRequest): Promise<void>;
}
export const TURN_QUESTIONS = Symbol('TurnQuestions');

/** Whether the client of a request knows tasks. */
export const takesTasks = ({ era, client }: McpRequest): boolean => era === 'stateless' && client.capabilities.extensions?.[TASKS_EXTENSION] !== undefined;

export const missingTasks = () => new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } });

/** The Tasks extension of revision 2026-07-28: a task is a turn, by the same id, and everything about it is in the turn's record. */
@Injectable()
export class TaskHandlers {
  constructor(
    private readonly turns: TurnLookup,
    private readonly canceller: TurnCanceller,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    @Inject(TURN_QUESTIONS) private readonly questions: TurnQuestions,
  ) {}

  /** The answer to a call whose turn goes on as a task. */
  async created(request: McpRequest, turnId: string | undefined): Promise<CallToolResult> {
    const turn = await this.find(request, turnId ?? '');
    return { resultType: 'task', ...this.view(turn, statusOf(turn, {})) } as unknown as CallToolResult;
  }

  async get(request: McpRequest, params: unknown): Promise<Record<string, unknown>> {
    const turn = await this.find(request, idOf(params));
    const canAnswer = turn.status === 'running' && request.client.capabilities.elicitation !== undefined;
    const waiting = canAnswer ? await this.questions.pending(turn) : {};
    const status = statusOf(turn, waiting);
    const end = status === 'completed' ? this.endOf(turn) : {};
    return { ...this.view(turn, 'error' in end ? 'failed' : status), ...end, ...(status === 'input_required' && { inputRequests: waiting }) };
  }

  async update(request: McpRequest, params: unknown): Promise<Record<string, unknown>> {
    const turn = await this.find(request, idOf(params));
    assertScope(request.principal, 'run', 'Answering a task');
    await this.questions.answer(turn, request.answers, request);
    return {};
  }

  /** What becomes of the task is said by `tasks/get`. */
  async cancel(request: McpRequest, params: unknown): Promise<Record<string, unknown>> {
    const turn = await this.find(request, idOf(params));
    assertScope(request.principal, 'run', 'Cancelling a task');
    if (!isTerminal(turn.status)) await this.canceller.cancel(turn.request);
    return {};
  }

  /** How a turn that has ended answers its call. */
  protected endOf({ request, terminal }: TurnRecord): TaskEnd {
    const { turnId, correlationId } = request;
    const event = terminal?.event;
    if (!event || !isTerminalEvent(event)) return { error: { code: -32603, message: 'The turn has no end.' } };
    if (event.type !== 'completed') return { result: errorResult(new TurnError(turnId, AppError.from(event.error)), correlationId) };
    const tool = findTool(request.tool);
    return { result: resultOf({ structured: event.output, text: tool ? renderOutput(tool, event.output) : JSON.stringify(event.output), turnId }, correlationId) };
  }

  private async find(request: McpRequest, turnId: string): Promise<TurnRecord> {
    if (!takesTasks(request)) throw missingTasks();
    try {
      return await this.turns.find(request.principal.tenant, turnId);
    } catch (error) {
      if (error instanceof AppError && error.code === 'unknown_turn') throw new ProtocolError(INVALID_PARAMS, 'Failed to retrieve task: Task not found');
      throw error;
    }
  }

  private view({ request, startedAtMs, finishedAtMs }: TurnRecord, status: string): Record<string, unknown> {
    const { turnId, acceptedAtMs } = request;
    return {
      taskId: turnId,
      status,
      createdAt: iso(acceptedAtMs),
      lastUpdatedAt: iso(finishedAtMs ?? startedAtMs ?? acceptedAtMs),
      ttlMs: this.config.TURN_RETENTION,
      pollIntervalMs: POLL_INTERVAL_MS,
    };
  }
}

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

function idOf(params: unknown): string {
  const { data } = TaskParams.safeParse(params);
  if (!data) throw new ProtocolError(INVALID_PARAMS, 'Invalid params: taskId is required');
  return data.taskId;
}

/** A turn that failed has an answer for its call like any other; `failed` is for errors of the protocol. */
function statusOf({ status }: TurnRecord, waiting: Readonly<Record<string, Question>>): string {
  if (status === 'cancelled') return 'cancelled';
  if (isTerminal(status)) return 'completed';
  return Object.keys(waiting).length > 0 ? 'input_required' : 'working';
}
