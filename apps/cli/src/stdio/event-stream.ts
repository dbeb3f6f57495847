import { type JSONRPCMessage, JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';

const FIELD = 'data:';

/** The messages of a stream of server-sent events, as they come. */
export async function* messagesIn({ body }: Response): AsyncGenerator<JSONRPCMessage> {
  let data: string[] = [];
  for await (const line of linesIn(body?.pipeThrough(new TextDecoderStream()) ?? [])) {
    if (line.startsWith(FIELD)) data.push(line.slice(line[FIELD.length] === ' ' ? FIELD.length + 1 : FIELD.length));
    if (line !== '') continue;
    const text = data.join('\n');
    data = [];
    if (text !== '') yield JSONRPCMessageSchema.parse(JSON.parse(text));
  }
}

/** The lines of a text without their ends. Each chunk is looked at once: a line that grew with every chunk would be looked at as often. */
async function* linesIn(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let begun: string[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      begun.push(chunk.slice(start, end));
      const line = begun.join('');
      begun = [];
      start = end + 1;
      yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
    if (start < chunk.length) begun.push(chunk.slice(start));
  }
}
