import { describe, expect, it } from '@jest/globals';
import { classifyInboundRequest, isJSONRPCRequest, parseJSONRPCMessage, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import { isPlainRequest } from './plain-request.js';

const request = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };

describe('a plain request', () => {
  it.each<[string, unknown]>([
    ['without parameters', request],
    ['with some', { ...request, id: 'a', params: { name: 'x', arguments: { _meta: 1 } } }],
    ['that initializes', { ...request, method: 'initialize', params: { protocolVersion: '2025-11-25' } }],
    ['of any method', { ...request, method: '' }],
  ])('is what the SDK takes for one, as it is, and of a session: %s', (_, body) => {
    expect(isPlainRequest(body)).toBe(true);
    expect(isJSONRPCRequest(body)).toBe(true);
    expect(parseJSONRPCMessage(body)).toEqual(body);
    for (const version of [undefined, ...SUPPORTED_PROTOCOL_VERSIONS]) expect(classifyInboundRequest({ httpMethod: 'POST', ...(version !== undefined && { protocolVersionHeader: version }), body }).kind).toBe('legacy');
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['a batch', [request]],
    ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
    ['one with a member too many', { ...request, result: {} }],
    ['one of another version', { ...request, jsonrpc: '1.0' }],
    ['one with half an id', { ...request, id: 1.5 }],
    ['one without an id', { ...request, id: null }],
    ['one whose parameters are a list', { ...request, params: [] }],
    ['one whose parameters are nothing', { ...request, params: null }],
    ['one that says its revision', { ...request, params: { _meta: META } }],
    ['one that asks for progress', { ...request, params: { _meta: { progressToken: 1 } } }],
  ])('is not %s', (_, body) => {
    expect(isPlainRequest(body)).toBe(false);
  });
});
