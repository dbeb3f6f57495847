import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { endServer, listenOnLoopback } from '@codex-mcp/testing';
import { z } from 'zod';

const Block = z.looseObject({ type: z.string() });
const MessagesRequest = z.looseObject({ model: z.string(), messages: z.array(z.looseObject({ content: z.union([z.string(), z.array(Block)]) })) });

export type ToolUse = { readonly name: string; readonly input: Record<string, unknown> };

const COUNT = { input_tokens: 1, output_tokens: 1 };

/** Stands in for Anthropic's API: asks once for the tool that it is told to, and ends the turn when it has the result. */
export class FakeClaudeModel {
  next: ToolUse | undefined;
  url = '';
  private readonly server = createServer((request, response) => void this.answer(request, response).catch(() => response.destroy()));

  async start(): Promise<this> {
    this.url = await listenOnLoopback(this.server);
    return this;
  }

  close(): Promise<void> {
    return endServer(this.server);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    if (!/^\/v1\/messages(\?|$)/.test(request.url ?? '')) return void response.writeHead(404, { 'content-type': 'application/json' }).end('{"type":"error","error":{"type":"not_found_error","message":"not here"}}');
    const { model, messages } = MessagesRequest.parse(JSON.parse(body));
    const hasResult = messages.some(({ content }) => typeof content !== 'string' && content.some(({ type }) => type === 'tool_result'));
    const { next } = this;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of next && !hasResult ? toolUse(next) : words('That is all.')) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event.type === 'message_start' ? { type: event.type, message: opened(model) } : event)}\n\n`);
    response.end();
  }
}

type Event = { readonly type: string } & Record<string, unknown>;

const opened = (model: string) => ({ id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage: COUNT });

const message = (reason: string, block: object, delta: object): Event[] => [
  { type: 'message_start' },
  { type: 'content_block_start', index: 0, content_block: block },
  { type: 'content_block_delta', index: 0, delta },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage: COUNT },
  { type: 'message_stop' },
];

const words = (said: string): Event[] => message('end_turn', { type: 'text', text: '' }, { type: 'text_delta', text: said });

const toolUse = ({ name, input }: ToolUse): Event[] => message('tool_use', { type: 'tool_use', id: 'toolu_1', name, input: {} }, { type: 'input_json_delta', partial_json: JSON.stringify(input) });
