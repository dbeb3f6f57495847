import { type Heartbeat, type SignIn } from '@codex-mcp/contracts';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { beat, SIGNED_OUT } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

const SIGNED_IN: SignIn = { method: 'api_key', source: 'auth.json' };
const NO_PROFILE: SignIn = { method: 'none', problem: 'Run `npm run auth -- login --profile work`.' };

let system: TestSystem;

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), {}, ['anna', 'ben']);
});
afterAll(() => system.stop());

const post = (token: string, tool: string, args: object) => system.edge.call(`/tools/${tool}`, { method: 'POST', body: JSON.stringify(args), headers: { authorization: `Bearer ${token}` } });
const chat = async (token: string, agentId = 'a') => {
  const { status, json } = await post(token, 'chat', { message: 'hi', agent_id: agentId });
  return status === 200 ? 'ran' : `${json['code'] as string}: ${json['detail'] as string}`;
};

async function gatewaySays(changes: Partial<Extract<Heartbeat, { service: 'gateway' }>>): Promise<void> {
  await system.beats.stop();
  system.beats = await beat(system.redis, { gateway: changes });
}

const choice = { tenants: { ben: 'work' }, agents: { ben: { own: 'default' }, anna: { other: 'work' } } };

it('a missing sign-in is told to those whose profile it is of, before a turn is queued, and to nobody else', async () => {
  await gatewaySays({ profiles: { choice, signIns: { work: NO_PROFILE } } });
  const refused = `not_signed_in: ${NO_PROFILE.problem}`;
  await eventually(async () => expect(await chat('ben')).toBe(refused));
  expect([await chat('anna'), await chat('ben', 'own'), await chat('anna', 'other')]).toEqual(['ran', 'ran', refused]);
  expect((await post('ben', 'start', { tool: 'chat', arguments: { message: 'hi', agent_id: 'a' } })).json).toMatchObject({ code: 'not_signed_in' });
  expect((await post('ben', 'health_check', {})).json['structuredContent']).toMatchObject({ status: 'degraded', problems: [NO_PROFILE.problem], sign_in: { method: 'none' } });
  expect((await post('anna', 'health_check', {})).json['structuredContent']).toMatchObject({ status: 'ok', sign_in: { method: 'api_key' } });
});

it('who has a profile that is signed in does not need the default sign-in', async () => {
  await gatewaySays({ signIn: SIGNED_OUT, profiles: { choice, signIns: { work: SIGNED_IN } } });
  await eventually(async () => expect(await chat('anna')).toMatch(/^not_signed_in: No sign-in was found/));
  expect([await chat('ben'), await chat('anna', 'other')]).toEqual(['ran', 'ran']);
});
