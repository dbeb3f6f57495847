import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '@codex-mcp/testing';
import { startGateway, startUpstream } from '../gateway.fixture.js';

/** What a connection carries from the gateway to an agent, chunk by chunk of its transfer encoding. */
async function chunksFor(socketPath: string): Promise<string[]> {
  const socket = connect(socketPath);
  socket.write('POST /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}');
  const [, body = ''] = (await text(socket)).split('\r\n\r\n');
  return body.split('\r\n').filter((line) => line !== '' && !/^[0-9a-f]+$/.test(line));
}

it('hands events on that came together as one chunk', async () => {
  const directory = await temporaryDirectory();
  const event = (delta: string) => `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"${delta}"}\n\n`;
  const upstream = await startUpstream((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const delta of ['a', 'b', 'c']) response.write(event(delta));
    response.end();
  });
  const gateway = await startGateway(join(directory.path, 'run'), { OPENAI_API_KEY: 'sk-a', OPENAI_BASE_URL: upstream.url });
  try {
    expect(await chunksFor((await gateway.register('a')).socketPath)).toEqual([event('a') + event('b') + event('c')]);
  } finally {
    await gateway.stop();
    upstream.close();
    await directory.remove();
  }
});
