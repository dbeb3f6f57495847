import type { Scope } from '@codex-mcp/contracts';
import { type JsonSchema, MANAGEMENT_TOOLS, toJsonSchema } from '@codex-mcp/tools';
import { z } from 'zod';
import { ProblemDocument } from '../../http/http-problem.js';
import { AnswerBody } from '../approval.schema.js';
import { JobAccepted, JobCancelled, JobEvent, JobView } from '../job.schema.js';

export const schemaRef = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
export const parameterRef = (name: keyof typeof PARAMETERS): JsonSchema => ({ $ref: `#/components/parameters/${name}` });
export const responseRef = (name: keyof typeof RESPONSES): JsonSchema => ({ $ref: `#/components/responses/${name}` });

export const json = (schema: JsonSchema): JsonSchema => ({ 'application/json': { schema } });

const text = { type: 'string' };
const parameter = (where: 'header' | 'query', name: string, description: string, schema: JsonSchema = text): JsonSchema => ({ name, in: where, description, schema });
const header = (description: string): JsonSchema => ({ description, schema: text });

/** What requests may say beside their bodies. */
export const PARAMETERS = {
  AgentHeader: parameter('header', 'X-Agent-Id', 'The agent of a call that names none with agent_id. Default: the query agent_id, else "default".'),
  AgentQuery: parameter('query', 'agent_id', 'The same where the header is missing.'),
  WorkspaceHeader: parameter('header', 'X-Workspace', 'Absolute path of the directory that a call means that names none with workspace. Default: the query workspace.'),
  WorkspaceQuery: parameter('query', 'workspace', 'The same where the header is missing.'),
  Prefer: parameter('header', 'Prefer', '`respond-async`: answer at once with 202 and a job.'),
  IdempotencyKey: parameter('header', 'Idempotency-Key', 'A key of your choice. A repeated call of the same agent with it is the same turn and never runs again; with other arguments it is idempotency_conflict.', { type: 'string', maxLength: 200 }),
  CorrelationId: parameter('header', 'X-Correlation-Id', '8 to 64 letters, digits, ".", "_" or "-" that name this request in logs. Default: made by the server, which always answers with it.', { type: 'string', minLength: 8, maxLength: 64 }),
  LastEventId: parameter('header', 'Last-Event-ID', 'The id of the last event that was received: only what came after it is sent.'),
  ApprovalsOfAgent: parameter('query', 'agent_id', 'Only those of this agent'),
  ApprovalsOfTurn: parameter('query', 'turn_id', 'Only those of this turn'),
  ApprovalId: { name: 'approval_id', in: 'path', required: true, description: 'The approval', schema: text },
  TurnId: { name: 'turn_id', in: 'path', required: true, description: 'The turn', schema: text },
} as const satisfies Record<string, JsonSchema>;

const EVENTS = 'Server-sent events from the beginning of the turn. `id` is the cursor for Last-Event-ID, `event` the type, `data` JSON in the form of the schema JobEvent. The last one is completed, failed, interrupted or cancelled; comments keep the connection alive.';

export const EVENT_STREAM: JsonSchema = { 'text/event-stream': { schema: { type: 'string', description: EVENTS } } };

/** Answers that several operations share. */
export const RESPONSES = {
  Problem: {
    description: 'What went wrong and what to change (RFC 9457). The codes are explained in docs/troubleshooting.md.',
    headers: { 'X-Correlation-Id': { $ref: '#/components/headers/CorrelationId' } },
    content: { 'application/problem+json': { schema: schemaRef('Problem') } },
  },
  Accepted: {
    description: 'The turn was accepted and goes on by itself.',
    headers: { Location: header('Path of the job'), 'Preference-Applied': header('respond-async'), 'X-Correlation-Id': { $ref: '#/components/headers/CorrelationId' } },
    content: json(schemaRef('JobAccepted')),
  },
} as const satisfies Record<string, JsonSchema>;

export const HEADERS = { CorrelationId: header('Names this request in the logs of all services') };

export const SECURITY_SCHEMES = { bearer: { type: 'http', scheme: 'bearer', description: 'Asked for where the server has MCP_AUTH_TOKENS_FILE or MCP_OAUTH_ISSUER, whose access tokens it takes (/.well-known/oauth-protected-resource says more); the token stands for a tenant, whose agents nobody else sees, and has scopes: read, run, admin. Each operation names the one that it needs.' } };

/** Without a token where the server asks for none, else with one of that scope. */
export const securityOf = (scope: Scope): JsonSchema[] => [{}, { bearer: [scope] }];

/** Schemas that belong to no tool. */
export const SCHEMAS = {
  Problem: toJsonSchema(ProblemDocument, 'output'),
  JobAccepted: toJsonSchema(JobAccepted, 'output'),
  Job: toJsonSchema(JobView, 'output'),
  JobCancelled: toJsonSchema(JobCancelled, 'output'),
  Approvals: toJsonSchema(MANAGEMENT_TOOLS.list_approvals.output, 'output'),
  ApprovalAnswer: toJsonSchema(AnswerBody, 'input'),
  ApprovalOutcome: toJsonSchema(MANAGEMENT_TOOLS.answer_approval.output, 'output'),
  JobEvent: toJsonSchema(JobEvent, 'output'),
  ListedTool: toJsonSchema(
    z.object({ name: z.string(), title: z.string(), description: z.string(), inputSchema: z.record(z.string(), z.unknown()), outputSchema: z.record(z.string(), z.unknown()), annotations: z.record(z.string(), z.unknown()) }),
    'output',
  ),
};
