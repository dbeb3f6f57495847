import { z } from 'zod';
import type { Random } from '../../scorecard/random.js';
import { AUTHORIZED, MCP_HEADERS, StalledReader } from '../edge/stalled-reader.js';
import type { LoneEdge } from '../edge/lone-edge.js';
import { hostileJson, hostileObject, hostileText, hostileValue } from './hostile-values.js';
import { type Attempt, isHeaderValue, pathOf, send } from './send.js';

/** It asks the supervisors of all agents, of which there are none here. */
const LEFT_OUT = ['cleanup_inactive_agents'];
const METHODS = ['tools/call', 'tools/list', 'resources/read', 'resources/subscribe', 'prompts/get', 'completion/complete', 'initialize', 'ping', 'logging/setLevel', 'notifications/cancelled', 'subscriptions/listen', 'tasks/get', '__proto__'];
const HOSTS = { host: 'localhost' };

const Tools = z.object({ tools: z.array(z.object({ name: z.string(), inputSchema: z.looseObject({ properties: z.record(z.string(), z.unknown()) }) })) });
export type Targets = { readonly tools: readonly { readonly name: string; readonly properties: readonly string[] }[]; readonly http: string; readonly sse: string };

/** Sessions and tools to send hostile things to. */
export async function targetsOf(edge: LoneEdge): Promise<Targets> {
  const { tools } = Tools.parse(JSON.parse((await send(edge.url, { method: 'GET', path: '/tools', headers: AUTHORIZED })).text));
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'fuzz', version: '1' } } };
  const opened = await StalledReader.open(`${edge.url}/mcp`, { method: 'POST', headers: MCP_HEADERS, body: initialize });
  await opened.read();
  const sse = await StalledReader.open(`${edge.url}/sse`);
  void sse.read();
  const http = String(opened.header['mcp-session-id']);
  const ids = await edge.redis.zrange('codex-mcp:mcp:sessions', '0', '-1');
  return { http, sse: ids.find((id) => id !== http) ?? '', tools: tools.filter(({ name }) => !LEFT_OUT.includes(name)).map(({ name, inputSchema }) => ({ name, properties: Object.keys(inputSchema.properties) })) };
}

/** One hostile request, over one of the ways in. */
export function hostileRequest(random: Random, targets: Targets): Attempt {
  const way = random.next();
  const headers = { ...HOSTS, ...AUTHORIZED, ...hostileHeaders(random) };
  if (way < 0.35) {
    const { name, properties } = random.pick(targets.tools);
    const tool = random.next() < 0.85 ? name : pathOf(hostileText(random));
    return { method: 'POST', path: `/tools/${tool}`, headers: { ...headers, prefer: 'respond-async' }, body: hostileJson(random, hostileArguments(random, properties)) };
  }
  if (way < 0.5) {
    const below = random.pick(['/jobs/', '/approvals/', '/tools/', '/docs/', '/ops/queues/static/', '/ops/queues/api/queues/', '/', '/mcp/', '/messages/']);
    return { method: random.pick(['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'HEAD']), path: pathOf(`${below}${hostileText(random)}${random.pick(['', '/events', '?x=1', '/../../..'])}`), headers, body: random.next() < 0.5 ? '' : hostileJson(random, hostileValue(random)) };
  }
  const message = hostileMessage(random, targets);
  if (way < 0.65) return { method: 'POST', path: `/messages?sessionId=${targets.sse}`, headers, body: hostileJson(random, message) };
  const isStateless = random.next() < 0.4;
  const era: Record<string, string> = isStateless ? { 'mcp-protocol-version': '2026-07-28', ...('method' in message && isHeaderValue(String(message.method)) && { 'mcp-method': String(message.method) }) } : { 'mcp-session-id': targets.http };
  const body = random.next() < 0.15 ? Array.from({ length: random.between(0, 120) }, () => message) : message;
  return { method: random.next() < 0.95 ? 'POST' : 'GET', path: '/mcp', headers: { ...MCP_HEADERS, ...era, ...headers }, body: hostileJson(random, body) };
}

function hostileArguments(random: Random, properties: readonly string[]): Record<string, unknown> {
  const given = properties.filter(() => random.next() < 0.4).map((name) => [name, hostileValue(random)]);
  return { ...Object.fromEntries(given), ...(random.next() < 0.3 && hostileObject(random)) };
}

function hostileMessage(random: Random, { tools }: Targets): Record<string, unknown> {
  const method = random.next() < 0.9 ? random.pick(METHODS) : hostileText(random);
  const { name, properties } = random.pick(tools);
  const params: Record<string, unknown> = method === 'tools/call' && random.next() < 0.8 ? { name, arguments: hostileArguments(random, properties) } : random.next() < 0.5 ? { uri: hostileText(random), name: hostileText(random) } : { ...hostileObject(random) };
  const meta = random.next() < 0.5 ? { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'fuzz', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } : {};
  return { jsonrpc: random.next() < 0.95 ? '2.0' : hostileValue(random), id: random.next() < 0.8 ? random.between(2, 1e9) : hostileValue(random), method, params: { ...params, ...meta } };
}

function hostileHeaders(random: Random): Record<string, string> {
  const names = ['x-agent-id', 'x-workspace', 'x-toolset', 'idempotency-key', 'last-event-id', 'x-correlation-id', 'accept', 'content-type', 'prefer', 'mcp-session-id', 'content-encoding'];
  const chosen = names.filter(() => random.next() < 0.06);
  return Object.fromEntries(chosen.map((name) => [name, hostileText(random).slice(0, 8000)]).filter(([, value = '']) => isHeaderValue(value)));
}
