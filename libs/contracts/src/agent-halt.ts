import { z } from 'zod';
import { ErrorBody } from './errors.js';

/** Supervisor → worker: this agent is being stopped, and why its running turn must end. */
export const AgentHalt = z.object({ agentKey: z.string(), error: ErrorBody });
export type AgentHalt = z.infer<typeof AgentHalt>;
