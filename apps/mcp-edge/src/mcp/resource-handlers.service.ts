import { AGENT_ID_PATTERN, type AgentRecord, AppError, type ErrorCode, toErrorBody } from '@codex-mcp/contracts';
import { INTERNAL_ERROR, INVALID_PARAMS, type ListResourcesResult, type ListResourceTemplatesResult, ProtocolError, type ReadResourceResult, type Resource, ResourceNotFoundError } from '@modelcontextprotocol/server';
import { Injectable } from '@nestjs/common';
import { asCaller } from '../access/principal.js';
import { ResourceReading } from '../resources/resource-reading.service.js';
import { RESOURCE_TEMPLATES } from '../resources/resource-templates.js';
import { agentUri, parseResourceUri } from '../resources/resource-uri.js';
import { RESOURCE_ICONS } from './icons.js';
import type { McpRequest } from './mcp-request.js';
import { ResourceSubscriptions } from './sessions/resource-subscriptions.service.js';

const TEMPLATES: ListResourceTemplatesResult = { resourceTemplates: RESOURCE_TEMPLATES.map((template) => ({ ...template, icons: RESOURCE_ICONS })) };

/** What a caller named does not exist, or is another tenant's. */
const NOT_FOUND: ReadonlySet<ErrorCode> = new Set(['unknown_agent', 'unknown_turn', 'unknown_thread', 'invalid_agent_id', 'invalid_arguments']);

/** Agents and what is theirs as MCP resources. */
@Injectable()
export class ResourceHandlers {
  constructor(
    private readonly reading: ResourceReading,
    private readonly subscriptions: ResourceSubscriptions,
  ) {}

  async list({ principal }: McpRequest, { cursor }: { cursor?: string | undefined } = {}): Promise<ListResourcesResult> {
    if (cursor !== undefined && !AGENT_ID_PATTERN.test(cursor)) throw new ProtocolError(INVALID_PARAMS, 'The cursor is not one of resources/list.');
    const { agents, next } = await this.reading.agents(principal.tenant, cursor).catch(asProtocolError);
    return { resources: agents.flatMap(resourcesOf), ...(next !== undefined && { nextCursor: next }) };
  }

  templates(): ListResourceTemplatesResult {
    return TEMPLATES;
  }

  async read({ principal, correlationId }: McpRequest, { uri }: { uri: string }): Promise<ReadResourceResult> {
    const address = parseResourceUri(uri);
    if (!address) throw new ResourceNotFoundError(uri, 'There is no such resource; resources/templates/list says what there is.');
    try {
      const { meta, ...content } = await this.reading.read(address, { ...asCaller(principal), correlationId, defaultAgentId: address.agentId });
      return { contents: [{ uri, ...content, ...(meta && { _meta: meta }) }] };
    } catch (error) {
      return asResourceError(uri, error);
    }
  }

  /** For sessions; where requests stand alone, clients listen. */
  async subscribe(request: McpRequest, { uri }: { uri: string }): Promise<Record<string, never>> {
    await this.subscriptions.subscribe(request, uri).catch((error: unknown) => asResourceError(uri, error));
    return {};
  }

  unsubscribe(request: McpRequest, { uri }: { uri: string }): Record<string, never> {
    this.subscriptions.unsubscribe(request, uri);
    return {};
  }
}

function asResourceError(uri: string, error: unknown): never {
  if (error instanceof AppError && NOT_FOUND.has(error.code)) throw new ResourceNotFoundError(uri, error.message);
  return asProtocolError(error);
}

function asProtocolError(error: unknown): never {
  const body = toErrorBody(error);
  throw new ProtocolError(INTERNAL_ERROR, `${body.code}: ${body.message}`, body);
}

/** What a list shows of an agent; the rest is in the templates. */
function resourcesOf({ agentId, status, lastActiveAt, createdAt }: AgentRecord): Resource[] {
  const annotations = { audience: ['user', 'assistant'] as ('user' | 'assistant')[], lastModified: new Date(lastActiveAt || createdAt).toISOString() };
  const common = { annotations, icons: RESOURCE_ICONS };
  return [
    { uri: agentUri(agentId), name: agentId, title: `Agent ${agentId}`, description: `What it is and does (${status})`, mimeType: 'application/json', ...common },
    { uri: agentUri(agentId, 'threads'), name: `${agentId}-threads`, title: `Conversations of ${agentId}`, mimeType: 'application/json', ...common },
    { uri: agentUri(agentId, 'diff'), name: `${agentId}-diff`, title: `Changes of ${agentId}`, mimeType: 'text/x-diff', ...common },
  ];
}
