import { z } from 'zod';

/** A host and a port as a repository may wish for them; 443 goes without saying. */
export const EgressWish = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?$/);
export const EgressWishes = z.array(EgressWish).max(50);

/** What commands in an agent reach through their gateway: rules such as `packages.example.org`, `*.example.org:8443`. */
export const EgressView = z.object({
  /** What every agent reaches. */
  allowed: z.array(z.string()),
  /** What this one reaches beyond, as its repository wishes for it. */
  granted: z.array(z.string()),
  /** What is granted to those that wish for it. */
  onRequest: z.array(z.string()),
});
export type EgressView = z.infer<typeof EgressView>;

export const NO_EGRESS: EgressView = { allowed: [], granted: [], onRequest: [] };

/** The one way to write a host with its port. */
export const egressTarget = (hostAndPort: string): string => hostAndPort.toLowerCase().replace(/:443$/, '');

/** Whether a rule is about `target`, both without a port of 443: the same host, or one of any depth below `*.`. */
export const egressCovers = (rule: string, target: string): boolean => rule === target || (rule.startsWith('*.') && target.endsWith(rule.slice(1)));
