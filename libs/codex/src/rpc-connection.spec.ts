import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { type WebSocket, WebSocketServer } from 'ws';
import { RpcConnection } from './rpc-connection.js';

let server: WebSocketServer | undefined;

afterEach(() => server?.close());

/** A peer that may be anybody: an agent can put a server of its own in the place of Codex. */
async function connectTo(onConnection: (peer: WebSocket) => void): Promise<RpcConnection> {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', onConnection);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return RpcConnection.open(`ws://127.0.0.1:${port}`, { timeoutMs: 5000, onServerRequest: (method) => ({ saw: method }) });
}

it.each([
  ['no JSON', 'foo'],
  ['JSON of another kind', '[1,2]'],
  ['a number for a method', '{"method":7}'],
  ['bytes', Buffer.from([0xff, 0x00, 0xfe])],
])('hangs up on a peer that sends %s', async (_, garbage) => {
  const rpc = await connectTo((peer) => peer.on('message', () => peer.send(garbage)));
  const closed = new Promise<void>((resolve) => rpc.once('close', resolve));
  await expect(rpc.request('initialize', {}, 5000)).rejects.toMatchObject({ code: 'agent_start_failed' });
  await closed;
  expect(rpc.isOpen).toBe(false);
});

it('passes over an answer to nothing', async () => {
  const rpc = await connectTo((peer) => {
    peer.send('{"id":99,"result":{}}');
    peer.on('message', (data: Buffer) => peer.send(JSON.stringify({ id: (JSON.parse(data.toString()) as { id: number }).id, result: 'mine' })));
  });
  expect(await rpc.request('any', {}, 5000)).toBe('mine');
  rpc.close();
});

it('answers what the peer asks, and says so when it cannot', async () => {
  const answers: unknown[] = [];
  const done = new Promise<void>((resolve) => {
    void connectTo((peer) => {
      peer.on('message', (data: Buffer) => {
        answers.push(JSON.parse(data.toString()));
        resolve();
      });
      peer.send('{"id":"q1","method":"item/tool/call","params":{}}');
    });
  });
  await done;
  expect(answers).toEqual([{ id: 'q1', result: { saw: 'item/tool/call' } }]);
});

it('rejects what is asked when the peer takes too long', async () => {
  const rpc = await connectTo(() => undefined);
  await expect(rpc.request('slow', {}, 50)).rejects.toThrow(/within 50 ms/);
  rpc.close();
});
