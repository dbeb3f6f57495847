import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '../../scorecard/random.js';
import type { LoneEdge } from '../edge/lone-edge.js';
import { TOKENS } from '../tenants/tokens.js';
import { hostileText } from './hostile-values.js';
import { type Answer, isHeaderValue, send } from './send.js';

const TENANTS = { victims: TOKENS.victim, attackers: TOKENS.attacker } as const;
type Tenant = keyof typeof TENANTS;

/** Which no URL can hold. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

const Accepted = z.object({ agent_id: z.string(), turn_id: z.string() });
const Stored = z.object({ agent: z.object({ tenant: z.string(), agentId: z.string(), key: z.string() }) });

/** What the documents say of an agent_id, made anew: undefined for what is none. */
export function agentIdOf(raw: string): string | undefined {
  if (/[^\t-~]/.test(raw)) return undefined;
  const lower = raw.replace(/^[\t-\r ]+|[\t-\r ]+$/g, '').replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
  const id = lower.replace(/[\t-\r ./]+/g, '-');
  return /^[a-z0-9][a-z0-9_-]*$/.test(id) && id.length <= 63 ? id : undefined;
}

/** Has a call go to an agent that is named in a way or another; resolves with what was not as it must be. */
export async function tryAgentId(edge: LoneEdge, random: Random): Promise<string[]> {
  const tenant = random.pick<Tenant>(['victims', 'attackers']);
  const raw = hostileText(random);
  const way = random.pick(isHeaderValue(raw) ? (['argument', 'header', 'query'] as const) : (['argument', 'query'] as const));
  // Blanks at its ends are not part of a header, and without a name the agent is the caller's usual one.
  const named = way === 'header' ? raw.replace(/^[\t ]+|[\t ]+$/g, '') : raw.replace(LONE_SURROGATES, '\ufffd');
  const isBlank = (way === 'argument' ? raw.trim() : named) === '';
  const expected = isBlank ? 'default' : agentIdOf(way === 'argument' ? raw : named);
  const answer = await send(edge.url, {
    method: 'POST',
    path: `/tools/chat${way === 'query' ? `?agent_id=${encodeURIComponent(named)}` : ''}`,
    headers: { authorization: `Bearer ${TENANTS[tenant]}`, prefer: 'respond-async', ...(way === 'header' && { 'x-agent-id': named }) },
    body: JSON.stringify({ message: 'x', ...(way === 'argument' && { agent_id: raw }) }),
  });
  if (answer.status === 431 && way !== 'argument' && raw.length > 1000) return []; // more than a request's head may hold
  const told = `agent_id ${JSON.stringify(raw.slice(0, 60))} as ${way}`;
  return (await judge(edge, answer, tenant, expected)).map((what) => `${told}: ${what}`);
}

async function judge(edge: LoneEdge, { status, text }: Answer, tenant: Tenant, expected: string | undefined): Promise<string[]> {
  if (expected === undefined) return status === 422 ? [] : [`${status} instead of a refusal`];
  if (status !== 202) return [`${status} for a good one`];
  const { agent_id: agentId, turn_id: turnId } = Accepted.parse(JSON.parse(text));
  const { agent } = Stored.parse(JSON.parse((await edge.redis.hget(`codex-mcp:turn:${turnId}`, 'request')) ?? '{}'));
  const key = createHash('sha256').update(`${tenant}\0${expected}`).digest('hex').slice(0, 32);
  const isRight = agentId === expected && agent.tenant === tenant && agent.agentId === expected && agent.key === key;
  return isRight ? [] : [`it went to ${JSON.stringify(agent)}, not to ${expected} of ${tenant}`];
}
