import { type CallToolRequest, type CompleteResult, INVALID_PARAMS, ProtocolError, ResourceNotFoundError, type ServerCapabilities, type Tool } from '@modelcontextprotocol/server';
import { Injectable } from '@nestjs/common';
import { McpHandlers, type McpMethods, type McpService } from '../mcp/mcp-handlers.service.js';
import type { McpRequest } from '../mcp/mcp-request.js';
import { TASKS_EXTENSION } from '../mcp/task-handlers.service.js';
import { FixtureCalls } from './fixture-calls.service.js';
import { FIXTURE_PROMPTS, promptFixture } from './fixture-prompts.js';
import { FIXTURE_RESOURCES, FIXTURE_TEMPLATES, readFixture } from './fixture-resources.js';
import { FixtureTasks } from './fixture-tasks.service.js';
import { FIXTURE_TOOLS } from './fixture-tools.js';

const CITIES = ['paris', 'park', 'party'];

/** What the product offers, and beside it what the conformance suite expects of any server. */
@Injectable()
export class FixtureService implements McpService {
  readonly instructions: string;
  readonly capabilities: ServerCapabilities = {
    logging: {},
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
    completions: {},
  };
  readonly methods: McpMethods;
  readonly extensions: McpService['extensions'];
  readonly headerTools = { test_x_mcp_header: FIXTURE_TOOLS['test_x_mcp_header']?.inputSchema ?? {} };

  constructor(product: McpHandlers, calls: FixtureCalls, tasks: FixtureTasks) {
    this.instructions = product.instructions;
    this.methods = {
      ...product.methods,
      'tools/list': async (request, params) => ({ tools: [...((await product.methods['tools/list']?.(request, params))?.tools ?? []), ...TOOLS] }),
      'tools/call': (request, params) => this.call(product, calls, request, params),
      'resources/list': () => ({ resources: FIXTURE_RESOURCES }),
      'resources/templates/list': () => ({ resourceTemplates: FIXTURE_TEMPLATES }),
      'resources/read': (_, { uri }) => readFixture(uri) ?? notFound(uri),
      'resources/subscribe': () => ({}),
      'resources/unsubscribe': () => ({}),
      'prompts/list': () => ({ prompts: FIXTURE_PROMPTS }),
      'prompts/get': (request, { name, arguments: args = {} }) => promptFixture(name, args, request) ?? unknown(`Prompt ${name} not found`),
      'completion/complete': (_, { argument }): CompleteResult => {
        const values = CITIES.filter((city) => city.startsWith(argument.value));
        return { completion: { values, total: values.length, hasMore: false } };
      },
    };
    this.extensions = {
      [TASKS_EXTENSION]: {
        'tasks/get': (request, params) => tasks.get(request, params),
        'tasks/update': (request, params) => tasks.update(request, params),
        'tasks/cancel': (request, params) => tasks.cancel(request, params),
      },
    };
  }

  private async call(product: McpHandlers, calls: FixtureCalls, request: McpRequest, params: CallToolRequest['params']) {
    const fixture = FIXTURE_TOOLS[params.name];
    if (fixture) return calls.call(request, fixture, params);
    return (await product.methods['tools/call']?.(request, params)) ?? unknown('tools/call');
  }
}

const TOOLS = Object.entries(FIXTURE_TOOLS).map(([name, { inputSchema }]) => ({ name, description: 'A fixture of the conformance suite', inputSchema }) as unknown as Tool);

function notFound(uri: string): never {
  throw new ResourceNotFoundError(uri);
}

function unknown(message: string): never {
  throw new ProtocolError(INVALID_PARAMS, message);
}
