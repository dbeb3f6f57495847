import { type AgentIdentity, AppError, DEFAULT_PROFILE, type Heartbeat, profileOf, type ServiceName, type SignIn } from '@codex-mcp/contracts';
import { readHeartbeats } from '@codex-mcp/messaging';
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { REDIS } from '../edge.tokens.js';

const FRESH_MS = 1000;

/** What is known to be wrong, as the error that a call meets because of it. */
type Trouble = { readonly blocksHealth: boolean; readonly error: AppError };

const NOT_SIGNED_IN = 'Codex is not signed in: run `npm run auth -- login` on this machine, or set OPENAI_API_KEY.';

/** Which processes are alive, from their heartbeats; at most a second old. */
@Injectable()
export class ServiceStatus {
  private cached: { atMs: number; beats: Promise<Heartbeat[]> } | undefined;

  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  /** Rejects with Redis's error while Redis is away. */
  heartbeats(): Promise<Heartbeat[]> {
    const now = performance.now();
    if (this.cached && now - this.cached.atMs <= FRESH_MS) return this.cached.beats;
    const beats = readHeartbeats(this.redis);
    this.cached = { atMs: now, beats };
    beats.catch(() => {
      this.cached = undefined;
    });
    return beats;
  }

  /** Throws the AppError that a turn of this agent would meet anyway, before it is queued. */
  async assertTurnsCanRun(agent: AgentIdentity): Promise<void> {
    const [first] = troubles(await this.heartbeats(), agent);
    if (first) throw first.error;
  }
}

/** The beats of one kind of process. */
export function beatsOf<Name extends ServiceName>(beats: readonly Heartbeat[], service: Name): Extract<Heartbeat, { service: Name }>[] {
  return beats.filter((beat): beat is Extract<Heartbeat, { service: Name }> => beat.service === service);
}

/** Alive, but takes no jobs. */
export const isStalled = ({ stalled }: { stalled?: string | undefined }): boolean => stalled !== undefined;

const stalledMessage = (service: string, words = '') => `The ${service} is alive but does no work: ${words} It ends by itself to be started again; look at its log.`;

/** What does not keep turns from running as yet: a sign-in that is about to end, an audit log that cannot be written. */
export const warnings = (beats: readonly Heartbeat[]): string[] => [
  ...signInsOf(beats, undefined).flatMap(({ method, problem }) => (method !== 'none' && problem !== undefined ? [problem] : [])),
  ...new Set(beats.flatMap(({ auditProblem }) => auditProblem ?? [])),
];

/** What the model requests of an agent go with, at each gateway; of nobody in particular, the default sign-in. */
export const signInsOf = (beats: readonly Heartbeat[], agent: AgentIdentity | undefined): SignIn[] =>
  beatsOf(beats, 'gateway').map(({ signIn, profiles }) => {
    const profile = profiles && agent ? profileOf(profiles.choice, agent) : DEFAULT_PROFILE;
    return profiles?.signIns[profile] ?? signIn;
  });

/** Everything that keeps turns from running, the most basic first; of an agent, where one is named. */
export function troubles(beats: readonly Heartbeat[], agent?: AgentIdentity): Trouble[] {
  const gateways = beatsOf(beats, 'gateway');
  const supervisors = beatsOf(beats, 'supervisor');
  const found: Trouble[] = [];
  const add = (code: 'service_unavailable' | 'not_signed_in' | 'engine_unavailable', message: string) =>
    found.push({ blocksHealth: code !== 'not_signed_in', error: new AppError(code, message) });
  if (gateways.length === 0) add('service_unavailable', 'The gateway is not running, so Codex cannot reach OpenAI. Start it and look at its log.');
  const signIns = signInsOf(beats, agent);
  if (gateways.length > 0 && signIns.every(({ method }) => method === 'none')) add('not_signed_in', signIns.find(({ problem }) => problem)?.problem ?? NOT_SIGNED_IN);
  const workers = beatsOf(beats, 'worker');
  if (workers.length === 0) add('service_unavailable', 'No worker is running, so turns would only queue up. Start one and look at its log.');
  else if (workers.every(isStalled)) add('service_unavailable', stalledMessage('worker', workers[0]?.stalled));
  if (supervisors.length === 0) add('service_unavailable', 'No supervisor is running, so agents have no place to live. Start one and look at its log.');
  else if (supervisors.every(isStalled)) add('service_unavailable', stalledMessage('supervisor', supervisors[0]?.stalled));
  else if (supervisors.every((beat) => beat.problem !== undefined || isStalled(beat))) add('engine_unavailable', supervisors.find(({ problem }) => problem)?.problem ?? 'No supervisor can start agents.');
  return found;
}
