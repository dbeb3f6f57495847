import { z } from 'zod';
import type { AgentIdentity } from './agent.js';

/** The name of a sign-in beside the one that everybody has who has no other. */
export const ProfileName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'a profile’s name is 1-32 characters: lower-case letters, digits, "-" and "_", starting with a letter or digit');
export const DEFAULT_PROFILE = 'default';

/** Whose model requests go with which sign-in: `agents` are by tenant and agent id, and count before their tenant. */
export const ProfileChoice = z.strictObject({
  tenants: z.record(z.string(), ProfileName).default({}),
  agents: z.record(z.string(), z.record(z.string(), ProfileName)).default({}),
});
export type ProfileChoice = z.infer<typeof ProfileChoice>;

export function profileOf({ tenants, agents }: ProfileChoice, { tenant, agentId }: Pick<AgentIdentity, 'tenant' | 'agentId'>): string {
  const ofAgents = Object.hasOwn(agents, tenant) ? agents[tenant] : undefined;
  const own = ofAgents && Object.hasOwn(ofAgents, agentId) ? ofAgents[agentId] : undefined;
  return own ?? (Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined) ?? DEFAULT_PROFILE;
}

/** Every profile that somebody has. */
export const profilesIn = ({ tenants, agents }: ProfileChoice): string[] => [...new Set([...Object.values(tenants), ...Object.values(agents).flatMap((ofTenant) => Object.values(ofTenant))])];
