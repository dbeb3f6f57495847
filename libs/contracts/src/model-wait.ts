import { z } from 'zod';

/** Why a model request is not answered yet: `failing` is an answer with an error of the service's own, `unreachable` no answer at all. */
export const ModelTrouble = z.enum(['rate_limited', 'overloaded', 'failing', 'unreachable']);
export type ModelTrouble = z.infer<typeof ModelTrouble>;

/** Gateway → worker: a model request of this agent waits to be sent again. `attempt` counts the one to come, so it begins at 2. */
export const ModelWait = z.object({ agentKey: z.string(), trouble: ModelTrouble, retryInMs: z.number().min(0), attempt: z.number().int() });
export type ModelWait = z.infer<typeof ModelWait>;
