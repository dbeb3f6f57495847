import type { RequestMethod, RequestTypeMap, ResultTypeMap, ServerCapabilities } from '@modelcontextprotocol/server';
import type { JsonObject } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import type { McpRequest } from './mcp-request.js';
import { TaskHandlers, TASKS_EXTENSION } from './task-handlers.service.js';
import { CompletionHandlers } from './completion-handlers.service.js';
import { PromptHandlers } from './prompt-handlers.service.js';
import { ResourceHandlers } from './resource-handlers.service.js';
import { ToolHandlers } from './tool-handlers.service.js';

const INSTRUCTIONS = [
  'Codex as a colleague. plan, implement, review, fix, chat, audit and debug run in the workspace of a persistent agent that keeps its files and its conversation between calls; pass what it cannot know as arguments.',
  'Calls without agent_id go to the agent of this connection. Another agent_id is another agent with its own workspace and conversation; calls to one agent run one after the other, to several at the same time.',
  'Turns can take minutes. A call that is answered with a status of queued or running and a turn_id is not finished: get_turn waits for its result; repeating the call would do the work twice. start begins a turn without waiting for it, steer adds a message to a running one, cancel ends it, list_turns shows what ran.',
  'list_sessions, get_agent_status and health_check say what is going on. Agents, their conversations, turns, changes and files can be read as resources below agent://{agent_id}; prompts describe common jobs.',
].join('\n');

/** What this server answers, by method; results are those of the newest revision, older ones are made of them. */
export type McpMethods = {
  readonly [Method in RequestMethod]?: (request: McpRequest, params: RequestTypeMap[Method]['params']) => Promise<ResultTypeMap[Method]> | ResultTypeMap[Method];
};

/** Methods of extensions, for clients of 2026-07-28; parameters are not parsed. */
export type ExtensionMethods = Readonly<Record<string, (request: McpRequest, params: unknown) => Promise<Record<string, unknown>>>>;

/** Everything that an MCP client may ask, free of revisions and transports: those call the methods and know no more. */
export interface McpService {
  readonly instructions: string;
  readonly capabilities: ServerCapabilities;
  readonly methods: McpMethods;
  /** By the extension's name, in which clients declare it. */
  readonly extensions: Readonly<Record<string, ExtensionMethods>>;
  /** Input schemas of tools with arguments that clients repeat in headers (`x-mcp-header`). */
  readonly headerTools?: Readonly<Record<string, JsonObject>>;
}
export const MCP_SERVICE = Symbol('McpService');

@Injectable()
export class McpHandlers implements McpService {
  readonly instructions = INSTRUCTIONS;
  readonly capabilities: ServerCapabilities = { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {} };
  readonly methods: McpMethods;
  readonly extensions: McpService['extensions'];

  constructor(tools: ToolHandlers, tasks: TaskHandlers, resources: ResourceHandlers, prompts: PromptHandlers, completion: CompletionHandlers) {
    this.extensions = {
      [TASKS_EXTENSION]: {
        'tasks/get': (request, params) => tasks.get(request, params),
        'tasks/update': (request, params) => tasks.update(request, params),
        'tasks/cancel': (request, params) => tasks.cancel(request, params),
      },
    };
    this.methods = {
      'tools/list': (request) => tools.list(request),
      'tools/call': (request, params) => tools.call(request, params),
      'resources/list': (request, params) => resources.list(request, params),
      'resources/templates/list': () => resources.templates(),
      'resources/read': (request, params) => resources.read(request, params),
      'resources/subscribe': (request, params) => resources.subscribe(request, params),
      'resources/unsubscribe': (request, params) => resources.unsubscribe(request, params),
      'prompts/list': (request) => prompts.list(request),
      'prompts/get': (request, params) => prompts.get(request, params),
      'completion/complete': (request, params) => completion.complete(request, params),
    };
  }
}
