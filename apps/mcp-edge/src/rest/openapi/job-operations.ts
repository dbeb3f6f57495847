import type { JsonSchema } from '@codex-mcp/tools';
import { EVENT_STREAM, json, parameterRef, responseRef, schemaRef, securityOf } from './components.js';

const TAGS = ['Jobs'];
const turn = [parameterRef('TurnId'), parameterRef('CorrelationId')];

/** Turns as jobs. */
export const JOB_PATHS: JsonSchema = {
  '/jobs/{turn_id}': {
    get: {
      operationId: 'get_job',
      tags: TAGS,
      summary: 'A turn, with its result or error once it has ended',
      parameters: turn,
      responses: { 200: { description: 'The turn as it stands', content: json(schemaRef('Job')) }, default: responseRef('Problem') },
    },
    delete: {
      operationId: 'cancel_job',
      tags: TAGS,
      summary: 'Cancels a turn',
      security: securityOf('run'),
      description: 'A turn that has already ended is 409 already_ended.',
      parameters: turn,
      responses: { 202: { description: 'It ends', content: json(schemaRef('JobCancelled')) }, default: responseRef('Problem') },
    },
  },
  '/jobs/{turn_id}/events': {
    get: {
      operationId: 'get_job_events',
      tags: TAGS,
      summary: 'What happens in a turn, as it happens',
      parameters: [...turn, parameterRef('LastEventId')],
      responses: {
        200: { description: 'The events', content: EVENT_STREAM },
        204: { description: 'The last event had been received; there is nothing to reconnect for' },
        default: responseRef('Problem'),
      },
    },
  },
};
