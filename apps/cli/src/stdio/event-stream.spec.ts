import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { messagesIn } from './event-stream.js';

const answer = (text: string) => ({ jsonrpc: '2.0' as const, id: 1, result: { text } });

function* cut(bytes: Buffer, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function read(stream: string, chunkBytes: number): Promise<unknown[]> {
  const chunks = cut(Buffer.from(stream), chunkBytes);
  let chunk = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (++chunk % 100 === 0) await nextTurn(); // so that the time limit of a test can end it
      const { value, done } = chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const messages: unknown[] = [];
  for await (const message of messagesIn(new Response(body))) messages.push(message);
  return messages;
}

describe('the messages of an event stream', () => {
  const [first, second] = [answer('one\u2028two\r\nэ'), answer('three')];
  const stream = [
    `: keep-alive\n\nid: 1\nretry: 1000\ndata: \n\n`,
    `event: message\r\nid: 2\r\ndata: ${JSON.stringify(first)}\r\n\r\n`,
    `data:${JSON.stringify(second).replace(',', ',\ndata: ')}\n\n`,
    'data: {"jsonrpc":"2.0","id":3',
  ].join('');

  it.each([1, 2, 3, 7, 1000])('are the same however the stream is cut, here every %d bytes', async (bytes) => {
    expect(await read(stream, bytes)).toEqual([first, second]);
  });

  // Whoever looked at the whole line again for each of its 200,000 chunks would look at 2 TB.
  it('cost what they are long, also 20 MB in small chunks', async () => {
    const large = answer('x'.repeat(20_000_000));
    expect(await read(`event: message\ndata: ${JSON.stringify(large)}\n\n`, 100)).toEqual([large]);
  }, 60_000);
});
