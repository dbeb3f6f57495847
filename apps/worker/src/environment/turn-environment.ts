import { BASE_IMAGE, egressCovers, egressTarget, REPOSITORY_SETTINGS_FILE, type RepositorySettings, type TurnEvent } from '@codex-mcp/contracts';
import type { EnvironmentView } from '@codex-mcp/tools';
import type { AgentSession } from '../agents/agent-session.js';
import { settleInstructions } from './instructions.js';
import { readRepositorySettings } from './repository-settings.reader.js';
import { type Setup, settledSetup, settleSetup, type Wanted } from './setup.js';

/** `view`: what callers are told; absent where the repository wishes nothing. */
export type Environment = { settings: RepositorySettings; view?: EnvironmentView };

export type Placing = { image: string; egress: string[] };

export type EnvironmentOptions = {
  turnId: string;
  /** Whether the turn may change the workspace. */
  access: 'read' | 'write';
  /** Whether somebody approves of commands, one by one. */
  isAsked: boolean;
  push: (event: TurnEvent) => void;
  signal: AbortSignal;
  /** The agent as it is to be: in another image started anew, with its files and conversation. */
  placedAnew: (wanted: Placing) => Promise<AgentSession>;
};

/**
 * Gives the agent the environment that the repository in its workspace wishes for, as far as the operator allows it, and the
 * repository's instructions, before a turn begins. What it cannot have is told and never fails. The turn goes on with the session that is returned.
 */
export async function settleEnvironment(session: AgentSession, options: EnvironmentOptions): Promise<{ session: AgentSession; environment: Environment }> {
  // Others than the agent write to a directory of the host.
  if (session.environment && session.placement.workspace.kind !== 'host') return { session, environment: session.environment };
  const { settings, text, problem } = await readRepositorySettings(session);
  const wanted = { image: settings.image ?? BASE_IMAGE, egress: settings.egress };
  const settled = session.isInImage(wanted.image) && session.hasGranted(wanted.egress) ? session : await options.placedAnew(wanted);
  const [setup, left] = text === undefined ? [] : await settleOrLeave(settled, { settings, text }, options);
  if (setup?.ran) settled.workspaceChanged();
  const now = environment(settled, settings, setup, [await settleInstructions(settled), problem, left], text !== undefined);
  settled.environment = left === undefined ? now : undefined;
  return { session: settled, environment: now };
}

/** Setup where this turn may have it run, else what became of it before, and why it is left. */
async function settleOrLeave(session: AgentSession, wanted: Wanted, options: EnvironmentOptions): Promise<[Setup | undefined, string?]> {
  const isKept = options.access === 'read' && session.placement.workspace.kind === 'host';
  if (wanted.settings.setup.length === 0 || !(isKept || options.isAsked)) return [await settleSetup(session, wanted, options)];
  const setup = await settledSetup(session, wanted);
  if (setup) return [setup];
  return [undefined, isKept ? 'Setup was left for a turn that may change the directory.' : 'Setup was left, as commands are approved one by one.'];
}

/** The same of a turn that is at work already: nothing is changed under its hands. */
export async function lookAtEnvironment(session: AgentSession): Promise<Environment> {
  const { settings, text, problem } = await readRepositorySettings(session);
  const setup = text === undefined ? undefined : await settledSetup(session, { settings, text });
  return environment(session, settings, setup, [problem], text !== undefined);
}

function environment({ placement }: AgentSession, settings: RepositorySettings, setup: Setup | undefined, found: (string | undefined)[], isThere: boolean): Environment {
  const problems = [...found, imageProblem(placement, settings), egressProblem(placement, settings), setup?.problem].filter((one) => one !== undefined);
  if (!isThere && problems.length === 0) return { settings };
  return { settings, view: { ...(placement.image && { image: placement.image.name }), ...(setup && { setup: setup.problem === undefined ? 'done' : 'failed' }), problems } };
}

function imageProblem({ image }: AgentSession['placement'], settings: RepositorySettings): string | undefined {
  if (settings.image === undefined) return undefined;
  if (!image) return `The image "${settings.image}" is not used: agents here have no containers.`;
  return image.refused && `${image.refused.why} The agent runs in the image "${image.name}".`;
}

function egressProblem({ gitHosts, egress: { allowed, granted, onRequest } }: AgentSession['placement'], { egress }: RepositorySettings): string | undefined {
  const reached = [...allowed, ...granted];
  const denied = egress.map(egressTarget).filter((target) => !gitHosts.includes(target) && !reached.some((rule) => egressCovers(rule, target)));
  if (denied.length === 0) return undefined;
  const granting = [told(allowed, '(EGRESS_ALLOW)'), told(onRequest, 'on request (EGRESS_ALLOW_ON_REQUEST)'), told(gitHosts, 'by git alone (GIT_HOSTS)')].filter((part) => part !== undefined);
  const allowing = granting.length === 0 ? 'nothing (EGRESS_ALLOW, EGRESS_ALLOW_ON_REQUEST, GIT_HOSTS)' : granting.join(', ');
  return `egress of ${REPOSITORY_SETTINGS_FILE} is not granted to ${denied.join(', ')}: this server lets agents reach ${allowing}.`;
}

const told = (hosts: readonly string[], how: string): string | undefined => (hosts.length === 0 ? undefined : `${hosts.join(', ')} ${how}`);
