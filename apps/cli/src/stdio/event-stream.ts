import { type JSONRPCMessage, JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';

/** The messages of a stream of server-sent events, as they come. */
export async function* messagesIn({ body }: Response): AsyncGenerator<JSONRPCMessage> {
  let rest = '';
  for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (rest + text).split(/\r?\n\r?\n/);
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event.split(/\r?\n/).flatMap((line) => /^data: ?(.*)$/.exec(line)?.[1] ?? []).join('\n');
      if (data !== '') yield JSONRPCMessageSchema.parse(JSON.parse(data));
    }
  }
}
