import { type Tool, TOOLS } from '@codex-mcp/tools';
import { bearer, type RawAnswer, rawRequest } from './raw-http.js';
import type { References } from './references.js';
import { argumentsFor } from './tool-arguments.js';

/** One way to reach for something by its names. */
export type Attempt = { readonly name: string; readonly make: (port: number, token: string, refs: References) => Promise<RawAnswer> };

const MCP_HEADERS = { accept: 'application/json, text/event-stream' };
const TASKS = 'io.modelcontextprotocol/tasks';
const STATELESS = '2026-07-28';

const viaRest = (tool: Tool): Attempt => ({
  name: `POST /tools/${tool.name}`,
  make: (port, token, refs) => rawRequest(port, `/tools/${tool.name}`, { method: 'POST', headers: bearer(token), body: argumentsFor(tool, refs) }),
});

/** A request of the revision in which each stands alone. */
const mcp = (name: string, method: string, paramsOf: (refs: References) => Record<string, unknown>, mcpName?: (refs: References) => string): Attempt => ({
  name,
  make: (port, token, refs) => {
    const meta = { 'io.modelcontextprotocol/protocolVersion': STATELESS, 'io.modelcontextprotocol/clientInfo': { name: 'attacker', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': { extensions: { [TASKS]: {} } } };
    const headers = { ...bearer(token), ...MCP_HEADERS, 'mcp-protocol-version': STATELESS, 'mcp-method': method, ...(mcpName && { 'mcp-name': mcpName(refs) }) };
    return rawRequest(port, '/mcp', { method: 'POST', headers, body: { jsonrpc: '2.0', id: 1, method, params: { ...paramsOf(refs), _meta: meta } } });
  },
});

const viaMcp = (tool: Tool): Attempt => mcp(`tools/call ${tool.name}`, 'tools/call', (refs) => ({ name: tool.name, arguments: argumentsFor(tool, refs) }), () => tool.name);

const read = (path: (refs: References) => string): Attempt => {
  const uri = (refs: References) => `agent://${path(refs)}`;
  return mcp(`resources/read ${path({ agent: '{agent}', turn: '{turn}', thread: '{thread}' } as References)}`, 'resources/read', (refs) => ({ uri: uri(refs) }), uri);
};

const completion = (name: string, uri: string): Attempt =>
  mcp(`completion of ${name}`, 'completion/complete', ({ agent }) => ({ ref: { type: 'ref/resource', uri }, argument: { name, value: '' }, context: { arguments: { agent_id: agent } } }));

const rest = (method: string, path: (refs: References) => string, more: { headers?: Record<string, string>; body?: unknown } = {}): Attempt => ({
  name: `${method} ${path({ turn: '{turn}', approval: '{approval}', agent: '{agent}', sseSession: '{session}' } as References)}${more.headers ? ' again' : ''}`,
  make: (port, token, refs) => rawRequest(port, path(refs), { method, headers: { ...bearer(token), ...more.headers }, body: more.body }),
});

const inSession = (method: string, more: { headers?: Record<string, string>; body?: unknown } = {}): Attempt => ({
  name: `${method} /mcp in a session${more.headers ? ', again' : ''}`,
  make: (port, token, { session }) => rawRequest(port, '/mcp', { method, headers: { ...bearer(token), ...MCP_HEADERS, 'mcp-session-id': session, ...more.headers }, body: more.body }),
});

const all = [...TOOLS.values()];
const isWorking = ({ kind, name }: Tool): boolean => kind === 'workspace' || name === 'codex';
const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' };

/** Whatever is answered without an agent: the tools, over both protocols, and everything that has a name of its own. */
export const QUICK_ATTEMPTS: readonly Attempt[] = [
  ...all.filter((tool) => !isWorking(tool)).flatMap((tool) => [viaRest(tool), viaMcp(tool)]),
  rest('GET', ({ turn }) => `/jobs/${turn}`),
  rest('GET', ({ turn }) => `/jobs/${turn}/events`),
  rest('GET', ({ turn }) => `/jobs/${turn}/events`, { headers: { 'last-event-id': '0-0' } }),
  rest('GET', ({ agent, turn }) => `/approvals?agent_id=${agent}&turn_id=${turn}`),
  rest('POST', ({ approval }) => `/approvals/${approval}`, { body: { decision: 'accept' } }),
  read(({ agent }) => agent),
  read(({ agent }) => `${agent}/threads`),
  read(({ agent, thread }) => `${agent}/threads/${thread}`),
  read(({ agent, turn }) => `${agent}/turns/${turn}`),
  read(({ agent, turn }) => `${agent}/turns/${turn}/diff`),
  read(({ agent }) => `${agent}/diff`),
  read(({ agent }) => `${agent}/files/secret.txt`),
  mcp('resources/list', 'resources/list', () => ({})),
  ...Object.entries({ agent_id: 'agent://{agent_id}', thread_id: 'agent://{agent_id}/threads/{thread_id}', turn_id: 'agent://{agent_id}/turns/{turn_id}' }).map(([name, uri]) => completion(name, uri)),
  mcp('subscriptions/listen', 'subscriptions/listen', ({ agent, turn }) => ({ notifications: { resourceSubscriptions: [`agent://${agent}/turns/${turn}`] } })),
  mcp('tasks/get', 'tasks/get', ({ turn }) => ({ taskId: turn }), ({ turn }) => turn),
  mcp('tasks/update', 'tasks/update', ({ turn, approval }) => ({ taskId: turn, inputResponses: { [approval]: { action: 'accept' } } }), ({ turn }) => turn),
  mcp('tasks/cancel', 'tasks/cancel', ({ turn }) => ({ taskId: turn }), ({ turn }) => turn),
  inSession('POST', { body: LIST }),
  inSession('GET'),
  inSession('GET', { headers: { 'last-event-id': '_0-0' } }),
  inSession('DELETE'),
  rest('POST', ({ sseSession }) => `/messages?sessionId=${sseSession}`, { body: LIST }),
  rest('DELETE', ({ turn }) => `/jobs/${turn}`),
];

/** What makes an agent of the caller's own do something, under the name of the victim's. */
export const WORKING_ATTEMPTS: readonly Attempt[] = all.filter(isWorking).map(viaRest);
