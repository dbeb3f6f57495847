import type { JsonSchema } from '@codex-mcp/tools';
import { APPROVAL_PATHS } from './approval-operations.js';
import { HEADERS, PARAMETERS, RESPONSES, SCHEMAS, SECURITY_SCHEMES, securityOf } from './components.js';
import { JOB_PATHS } from './job-operations.js';
import { toolOperations } from './tool-operations.js';

const DESCRIPTION = [
  'The tools of codex-mcp over plain HTTP: the same as over MCP, from the same definitions.',
  'A tool that runs Codex takes as long as its turn. `Prefer: respond-async` makes a job of it, `Accept: text/event-stream` streams its events, and no turn is lost with its connection. Names work with the prefix `codex_` too, as in `POST /tools/codex_chat`.',
  'Every error is `application/problem+json`.',
].join('\n\n');

/** The OpenAPI 3.1 description of the REST API, made from the tools' definitions. `version`: of the product. */
export function openApiDocument(version: string): JsonSchema {
  const tools = toolOperations();
  return {
    openapi: '3.1.1',
    info: { title: 'codex-mcp', version, summary: 'Codex agents over HTTP', description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    security: securityOf('read'),
    tags: [
      { name: 'Codex', description: 'Tools that run Codex as a turn of an agent' },
      { name: 'Workspaces', description: "Tools on an agent's workspace, in their place among its turns" },
      { name: 'Agents and turns', description: 'Tools that are answered at once' },
      { name: 'Jobs', description: 'Turns, while they run and for some time after' },
      { name: 'Approvals', description: 'What turns ask before they act' },
      { name: 'Tools', description: 'The catalogue itself' },
    ],
    paths: { ...tools.paths, ...JOB_PATHS, ...APPROVAL_PATHS },
    components: { schemas: { ...SCHEMAS, ...tools.schemas }, parameters: PARAMETERS, responses: RESPONSES, headers: HEADERS, securitySchemes: SECURITY_SCHEMES },
  };
}
