import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sampleOf } from './json-schema-sample.js';
import type { ModelRequest } from './model-request.js';
import type { SseWriter } from './sse.writer.js';
import type { Step, ToolCall } from './step.schema.js';

export interface Playback {
  readonly step: Step;
  readonly calls: readonly ToolCall[];
  readonly request: ModelRequest;
  readonly writer: SseWriter;
  /** Aborts when the client leaves; every pause then rejects with an AbortError. */
  readonly signal: AbortSignal;
}

type Outcome = 'went on' | 'over';

const defaultChunks = 3;

/** Streams one step as the events of a model response. */
export async function playStep(playback: Playback): Promise<void> {
  const { step, writer, request, signal } = playback;
  const id = newId('resp');
  await pause(step.firstDelayMs, signal);
  if (step.disconnectAfter === 0) return writer.disconnect();
  writer.open({ 'x-request-id': newId('req'), ...step.headers });
  writer.send('response.created', { response: { id, object: 'response', status: 'in_progress', model: request.model } });
  if (step.failed) {
    writer.send('response.failed', { response: { id, object: 'response', status: 'failed', error: step.failed } });
    return writer.end();
  }
  if ((await playItems(playback)) === 'over') return;
  writer.send('response.completed', {
    response: { id, object: 'response', status: 'completed', model: request.model, usage: usageOf(step) },
  });
  writer.end();
}

async function playItems(playback: Playback): Promise<Outcome> {
  const { step, calls, request, writer } = playback;
  let index = 0;
  if (step.reasoning !== undefined) await playReasoning(step.reasoning, index++, playback);
  const text = messageOf(step, calls, request);
  if (text === undefined) {
    if ((await stopAfterText(playback, Number.POSITIVE_INFINITY)) === 'over') return 'over';
  } else if ((await playMessage(text, index++, playback)) === 'over') {
    return 'over';
  }
  for (const call of calls) playCall(call, index++, writer);
  return 'went on';
}

function messageOf(step: Step, calls: readonly ToolCall[], request: ModelRequest): string | undefined {
  if (step.json !== undefined) return JSON.stringify(step.json);
  if (step.text !== undefined) return step.text;
  if (calls.length > 0 || step.hang) return undefined;
  return request.outputSchema === undefined ? 'ok' : JSON.stringify(sampleOf(request.outputSchema));
}

async function playReasoning(text: string, index: number, { step, writer, signal }: Playback): Promise<void> {
  const id = newId('rs');
  const place = { item_id: id, output_index: index, summary_index: 0 };
  writer.send('response.output_item.added', { output_index: index, item: { type: 'reasoning', id, summary: [] } });
  writer.send('response.reasoning_summary_part.added', { ...place, part: { type: 'summary_text', text: '' } });
  for (const delta of pieces(text, step.chunks)) {
    writer.send('response.reasoning_summary_text.delta', { ...place, delta });
    await pause(step.delayMs, signal);
  }
  const summary = [{ type: 'summary_text', text }];
  const item = { type: 'reasoning', id, summary, encrypted_content: Buffer.from(text).toString('base64') };
  writer.send('response.output_item.done', { output_index: index, item });
}

async function playMessage(text: string, index: number, playback: Playback): Promise<Outcome> {
  const { step, writer, signal } = playback;
  const id = newId('msg');
  const message = { type: 'message', id, role: 'assistant', ...(step.phase && { phase: step.phase }) };
  const place = { item_id: id, output_index: index, content_index: 0 };
  writer.send('response.output_item.added', { output_index: index, item: { ...message, status: 'in_progress', content: [] } });
  writer.send('response.content_part.added', { ...place, part: { type: 'output_text', text: '' } });
  let sent = 0;
  for (const delta of pieces(text, step.chunks)) {
    writer.send('response.output_text.delta', { ...place, delta });
    sent += 1;
    if ((await stopAfterText(playback, sent)) === 'over') return 'over';
    await pause(step.delayMs, signal);
  }
  if ((await stopAfterText(playback, Number.POSITIVE_INFINITY)) === 'over') return 'over';
  const content = [{ type: 'output_text', text, annotations: [] }];
  writer.send('response.output_text.done', { ...place, text });
  writer.send('response.output_item.done', { output_index: index, item: { ...message, status: 'completed', content } });
  return 'went on';
}

/** Plays the planned failure when its time has come: after `sent` pieces of text, or (infinity) after all of it. */
async function stopAfterText({ step, writer, signal }: Playback, sent: number): Promise<Outcome> {
  if (step.disconnectAfter !== undefined && sent >= step.disconnectAfter) {
    await writer.disconnect();
    return 'over';
  }
  if (step.endAfter !== undefined && sent >= step.endAfter) {
    writer.end();
    return 'over';
  }
  if (step.hang && sent === Number.POSITIVE_INFINITY) await forever(signal);
  return 'went on';
}

function playCall(call: ToolCall, index: number, writer: SseWriter): void {
  const callId = newId('call');
  const item =
    'custom' in call
      ? { type: 'custom_tool_call', id: newId('ctc'), call_id: callId, name: call.custom, input: call.input }
      : functionCallItem(call, callId);
  const empty = 'custom' in call ? { input: '' } : { arguments: '' };
  writer.send('response.output_item.added', { output_index: index, item: { ...item, ...empty, status: 'in_progress' } });
  writer.send('response.output_item.done', { output_index: index, item: { ...item, status: 'completed' } });
}

function functionCallItem(call: Exclude<ToolCall, { custom: string }>, callId: string): Record<string, unknown> {
  const encoded = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {});
  const namespace = call.namespace === undefined ? {} : { namespace: call.namespace };
  return { type: 'function_call', id: newId('fc'), call_id: callId, name: call.name, ...namespace, arguments: encoded };
}

function usageOf({ usage = {} }: Step): Record<string, unknown> {
  const { inputTokens = 100, cachedTokens = 0, outputTokens = 10, reasoningTokens = 0 } = usage;
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}

function pieces(text: string, count: number = defaultChunks): readonly string[] {
  // By code point: a surrogate pair cut in two does not survive UTF-8.
  const characters = Array.from(text);
  const size = Math.max(1, Math.ceil(characters.length / count));
  const starts = Array.from({ length: Math.ceil(characters.length / size) }, (_, index) => index * size);
  return starts.map((start) => characters.slice(start, start + size).join(''));
}

async function pause(durationMs: number | undefined, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (durationMs) await delay(durationMs, undefined, { signal });
}

async function forever(signal: AbortSignal): Promise<never> {
  const longestTimerMs = 2 ** 31 - 1;
  for (;;) await delay(longestTimerMs, undefined, { signal });
}

function newId(kind: string): string {
  return `${kind}_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
}
