import { z } from 'zod';
import { RuntimeName } from './agent.js';
import { ProfileChoice, ProfileName } from './profile.js';
import { Budgets } from './usage.js';

/** How the gateway is signed in; `method` none means that turns cannot run. */
export const SignIn = z.object({
  method: z.enum(['chatgpt', 'api_key', 'none']),
  source: z.string().optional().describe('Where the credentials were found, never what they are'),
  problem: z.string().optional().describe('Why there is no usable sign-in, and what to do'),
  shared: z.literal(true).optional().describe('It is that of the Codex CLI of the user of this machine'),
});
export type SignIn = z.infer<typeof SignIn>;

/** The sign-ins beside the default one, and whose they are. */
export const GatewayProfiles = z.object({ choice: ProfileChoice, signIns: z.record(ProfileName, SignIn) });
export type GatewayProfiles = z.infer<typeof GatewayProfiles>;

const common = {
  instance: z.string(),
  version: z.string(),
  startedAtMs: z.number(),
  pid: z.number(),
  /** What keeps its audit log from being written. */
  auditProblem: z.string().optional(),
};

/** That jobs do not get to this process although it lives. */
const stalled = z.string().optional();

/** What each process says of itself every few seconds; a missing beat means a dead process. */
export const Heartbeat = z.discriminatedUnion('service', [
  z.object({ service: z.literal('mcp-edge'), ...common }),
  z.object({
    service: z.literal('worker'),
    ...common,
    activeTurns: z.number(),
    stalled,
  }),
  z.object({
    service: z.literal('supervisor'),
    ...common,
    supervisorId: z.string(),
    relayUrl: z.string(),
    runtime: RuntimeName,
    stalled,
    /** Why agents cannot be started here at the moment. */
    problem: z.string().optional(),
    runningAgents: z.number(),
    maxAgents: z.number(),
    /** Host directories that workspaces may be under. */
    workspaceRoots: z.array(z.string()).default([]),
  }),
  z.object({ service: z.literal('gateway'), ...common, signIn: SignIn, profiles: GatewayProfiles.optional(), budgets: Budgets.optional() }),
]);
export type Heartbeat = z.infer<typeof Heartbeat>;

export type ServiceName = Heartbeat['service'];
