import { describe, expect, it } from '@jest/globals';
import { listTools } from '@codex-mcp/tools';
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { jsonOf, piecesOf } from './message-json.js';

const result = (id: string | number, members: object): JSONRPCMessage => ({ jsonrpc: '2.0', id, result: { ...members } });

describe('a message as JSON', () => {
  it.each<[string, JSONRPCMessage]>([
    ['all tools', result(1, { tools: listTools() })],
    ['all tools, again and with more', result('b"2', { tools: listTools(), cacheScope: 'private', _meta: { 'x/y': [1] } })],
    ['no tools', result(3, { tools: Object.freeze([]) })],
    ['tools that may change', result(4, { tools: [{ name: 'a' }] })],
    ['another result', result(5, { content: [{ type: 'text', text: '"tools":\u2028[]' }] })],
    ['a notification', { jsonrpc: '2.0', method: 'notifications/progress', params: { tools: [] } }],
    ['an error', { jsonrpc: '2.0', id: 6, error: { code: -32000, message: 'no' } }],
  ])('is what it says: %s', (_, message) => {
    expect(JSON.parse(jsonOf(message))).toEqual(JSON.parse(JSON.stringify(message)));
    expect(Buffer.concat(piecesOf(message).map((piece) => Buffer.from(piece))).toString()).toBe(jsonOf(message));
  });

  it('does not keep a list that may change', () => {
    const tools = [{ name: 'a' }];
    jsonOf(result(1, { tools }));
    tools.push({ name: 'b' });
    expect(jsonOf(result(1, { tools }))).toContain('"b"');
  });
});
