import { z } from 'zod';

/** How much a model is to reason. */
export const Effort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']);
export type Effort = z.infer<typeof Effort>;
