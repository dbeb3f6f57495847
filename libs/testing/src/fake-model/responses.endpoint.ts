import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { errorAnswer, type HttpAnswer, sendJson } from './http-answer.js';
import { type ModelRequest, readModelRequest } from './model-request.js';
import { preciseNow, type RecordedRequest, type RequestLog } from './request-log.js';
import { ScriptError } from './script.errors.js';
import type { ScriptState } from './script.state.js';
import { SseWriter } from './sse.writer.js';
import { playStep } from './step.player.js';
import type { Step, ToolCall } from './step.schema.js';
import { toolCallsOf } from './tool-call.mapper.js';

export interface ResponsesStats {
  /** Requests that are being answered now. */
  readonly inFlight: number;
  /** Requests received since the start or the last reset. */
  readonly responses: number;
  /** Of these, those whose client left before the end. */
  readonly aborted: number;
}

interface Plan {
  readonly model: ModelRequest;
  readonly step: Step;
  readonly calls: readonly ToolCall[];
}

/** `POST …/responses`: one model response. */
export class ResponsesEndpoint {
  requiredAuthorization: string | undefined;
  private inFlight = 0;
  private responses = 0;
  private aborted = 0;

  constructor(
    private readonly script: ScriptState,
    private readonly log: RequestLog,
  ) {}

  get stats(): ResponsesStats {
    return { inFlight: this.inFlight, responses: this.responses, aborted: this.aborted };
  }

  /** Forgets the counts of what is over. */
  clear(): void {
    this.responses = this.inFlight;
    this.aborted = 0;
  }

  async answer(entry: RecordedRequest, response: ServerResponse): Promise<void> {
    this.responses += 1;
    this.inFlight += 1;
    const client = new AbortController();
    const onClose = () => client.abort();
    response.once('close', onClose);
    try {
      await this.respond(entry, response, client.signal);
    } catch (error) {
      if (!client.signal.aborted) throw error;
      this.aborted += 1;
    } finally {
      response.off('close', onClose);
      this.inFlight -= 1;
      this.log.update(entry, { endedAt: preciseNow(), aborted: client.signal.aborted });
    }
  }

  private async respond(entry: RecordedRequest, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const refusal = this.refuse(entry);
    if (refusal) return this.send(entry, response, refusal);
    const plan = this.plan(entry);
    if ('status' in plan) return this.send(entry, response, plan);
    const { step, calls, model } = plan;
    if (step.status !== undefined) {
      if (step.firstDelayMs) await delay(step.firstDelayMs, undefined, { signal });
      return this.send(entry, response, httpErrorOf(step, step.status));
    }
    const writer = new SseWriter(response, () => this.log.update(entry, { status: 200, firstByteAt: preciseNow() }));
    await playStep({ step, calls, request: model, writer, signal });
  }

  private refuse({ headers }: RecordedRequest): HttpAnswer | undefined {
    const required = this.requiredAuthorization;
    if (required === undefined || headers.authorization === required) return undefined;
    return errorAnswer(401, 'Incorrect API key provided.', 'invalid_api_key');
  }

  private plan(entry: RecordedRequest): Plan | HttpAnswer {
    try {
      const model = readModelRequest(entry.body);
      this.log.update(entry, { model });
      const step = this.script.choose(model);
      this.log.update(entry, { step });
      return { model, step, calls: step.status === undefined ? toolCallsOf(step, model) : [] };
    } catch (error) {
      if (error instanceof ScriptError) return errorAnswer(400, `fake model: ${error.message}`, 'bad_fake_script');
      if (error instanceof z.ZodError) return errorAnswer(400, `fake model: not a Responses API request: ${z.prettifyError(error)}`);
      throw error;
    }
  }

  private send(entry: RecordedRequest, response: ServerResponse, answer: HttpAnswer): void {
    this.log.update(entry, { status: answer.status, firstByteAt: preciseNow() });
    sendJson(response, answer);
  }
}

function httpErrorOf(step: Step, status: number): HttpAnswer {
  const error = { message: `fake error ${status}`, type: 'server_error', code: null, ...step.error };
  return { status, body: { error }, headers: step.headers ?? {} };
}
