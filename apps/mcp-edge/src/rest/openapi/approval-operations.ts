import type { JsonSchema } from '@codex-mcp/tools';
import { json, parameterRef, responseRef, schemaRef, securityOf } from './components.js';

const TAGS = ['Approvals'];

/** What running turns ask before they act. */
export const APPROVAL_PATHS: JsonSchema = {
  '/approvals': {
    get: {
      operationId: 'get_approvals',
      tags: TAGS,
      summary: 'What waits for an answer, the most urgent first',
      parameters: [parameterRef('ApprovalsOfAgent'), parameterRef('ApprovalsOfTurn'), parameterRef('CorrelationId')],
      responses: { 200: { description: 'The open approvals', content: json(schemaRef('Approvals')) }, default: responseRef('Problem') },
    },
  },
  '/approvals/{approval_id}': {
    post: {
      operationId: 'post_approval',
      tags: TAGS,
      summary: 'Answers an approval',
      security: securityOf('run'),
      description: 'The first answer counts; a later one, and one after the deadline or the end of the turn, is 409 already_answered.',
      parameters: [parameterRef('ApprovalId'), parameterRef('CorrelationId')],
      requestBody: { required: true, content: json(schemaRef('ApprovalAnswer')) },
      responses: { 200: { description: 'This answer counts', content: json(schemaRef('ApprovalOutcome')) }, default: responseRef('Problem') },
    },
  },
};
