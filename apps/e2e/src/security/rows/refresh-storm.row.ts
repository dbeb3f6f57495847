import { eventually } from '@codex-mcp/testing';
import type { Answer, GatewayProcess } from '../gateway/gateway.process.js';
import type { RotatingIssuer } from '../gateway/rotating-issuer.js';
import { registerAgents, SharedSignIn } from '../gateway/shared-sign-in.js';
import { Storm } from '../gateway/storm.js';
import type { OwnRow, RowContext, RowOutcome } from './row.js';

const [AGENTS, EXPIRIES, GATEWAYS, CALLS_AT_ONCE] = [20, 5, 3, 3];
const PATIENCE = { timeoutMs: 60_000 };
const REFRESH = 'apps/gateway/dist/refresh/refresh-auth-file.js';

/** One ChatGPT sign-in, whose refresh tokens are good once, under agents that all need it when it expires. */
export const refreshStormRow: OwnRow = {
  number: 12,
  title: 'credential refresh storm',
  // The refresh inside the gateway, so that it dies with it.
  mutation: {
    file: 'apps/gateway/dist/refresh/refresh.process.js',
    find: 'export async function refreshInProcess(request) {',
    replace: "import { refreshAuthFile } from './refresh-auth-file.js';\nexport async function refreshInProcess(request) {\n    return refreshAuthFile(request);",
  },
  alsoMutants: [
    { file: 'libs/credentials/dist/file-lock.js', find: 'if (highest === 0 || isOver(pathOf(directory, highest)) || now - seen.sinceMs >= leaseMs) {', replace: '{' },
    { file: REFRESH, find: 'if (!current || tokenDigest(current.tokens.access_token) !== request.accessToken)', replace: 'if (!current)' },
    { file: REFRESH, find: 'if (existsSync(refused))', replace: 'if (false)' },
  ],
  async run(context: RowContext): Promise<RowOutcome> {
    const [agents, expiries] = [context.scaled(AGENTS), context.scaled(EXPIRIES)];
    const make = () => SharedSignIn.make(context.root, context.cleanUp);
    const signIns = [await make(), await make(), await make()] as const;
    const storm = await throughKills(signIns[0], agents, expiries);
    const several = await bySeveralGateways(signIns[1], expiries);
    const ended = await afterTheEnd(signIns[2], agents);
    const sum = (count: (issuer: RotatingIssuer) => number) => signIns.reduce((total, { issuer }) => total + count(issuer), 0);
    return {
      tried: `${agents} agents, ${expiries} expiries and gateway kills, ${GATEWAYS} gateways at once, a sign-in that ended`,
      measured: `${storm.answers} answers, ${sum(({ asked }) => asked)} refreshes, ${sum(({ reused }) => reused)} tokens used twice`,
      failures: [...storm.failures, ...several, ...ended],
    };
  },
};

/** Again and again everybody's token ends, and the gateway is killed when the issuer has used up the refresh token. */
async function throughKills(signIn: SharedSignIn, agents: number, expiries: number): Promise<{ answers: number; failures: string[] }> {
  const { issuer } = signIn;
  const gateway = await signIn.startGateway('run');
  const storm = new Storm(gateway, await registerAgents(gateway, agents));
  try {
    for (let round = 0; round < expiries && issuer.reused === 0; round += 1) {
      await storm.everyAgentGoesOn(() => false);
      await expireAndKill(issuer, gateway);
      await storm.everyAgentGoesOn(() => issuer.reused > 0);
    }
  } finally {
    await storm.end();
  }
  const { answers } = storm;
  return { answers: answers.length, failures: [...counted(issuer, expiries), ...unanswered(answers), ...leaks(gateway)] };
}

async function expireAndKill(issuer: RotatingIssuer, gateway: GatewayProcess): Promise<void> {
  let isKilled = false;
  issuer.onRotation = () => {
    issuer.onRotation = () => undefined;
    gateway.kill();
    isKilled = true;
  };
  issuer.expire();
  await eventually(() => isKilled, PATIENCE);
  await gateway.ended();
  await gateway.start();
}

/** Each expiry is met by all gateways in the same moment. */
async function bySeveralGateways(signIn: SharedSignIn, expiries: number): Promise<string[]> {
  const gateways = await Promise.all(Array.from({ length: GATEWAYS }, (_, index) => signIn.startGateway(`run-${index}`)));
  const all = await Promise.all(gateways.map(async (gateway) => ({ gateway, agent: await gateway.register('a') })));
  const answers: Answer[] = [];
  for (let round = 0; round < expiries; round += 1) {
    signIn.issuer.expire();
    answers.push(...(await Promise.all(all.flatMap(({ gateway, agent }) => Array.from({ length: CALLS_AT_ONCE }, () => gateway.ask(agent, 'hi'))))));
  }
  return [...counted(signIn.issuer, expiries), ...unanswered(answers)].map((failure) => `${GATEWAYS} gateways: ${failure}`);
}

/** The issuer says that the sign-in is over: every agent is told so, also after a restart, and nobody asks it again. */
async function afterTheEnd(signIn: SharedSignIn, agents: number): Promise<string[]> {
  const { issuer } = signIn;
  const gateway = await signIn.startGateway('run');
  const all = await registerAgents(gateway, agents);
  issuer.revoked = true;
  issuer.expire();
  const askAll = () => Promise.all(all.map((agent) => gateway.ask(agent, 'hi')));
  const answers = [...(await askAll()), ...(await askAll())];
  gateway.kill();
  await gateway.ended();
  await gateway.start();
  answers.push(...(await askAll()));
  const unclear = answers.filter((answer) => !saysWhatToDo(answer));
  const { body: health } = await gateway.health();
  return [
    ...unclear.slice(0, 1).map(({ status, body }) => `${unclear.length} answers do not say to sign in again (${status} ${body})`),
    ...(/"method":"none".*npm run auth -- login/.test(health) ? [] : [`the gateway's health does not say to sign in again (${health})`]),
    ...(issuer.asked === 1 ? [] : [`the issuer was asked ${issuer.asked} times about a sign-in that it had ended`]),
  ];
}

const saysWhatToDo = ({ status, body }: Answer): boolean => status === 400 && /"codex_mcp_not_signed_in"/.test(body) && /refresh_token_invalidated.*npm run auth -- login/.test(body);

function counted({ asked, reused }: RotatingIssuer, expiries: number): string[] {
  return [...(reused === 0 ? [] : [`${reused} refresh tokens were used again`]), ...(asked === expiries ? [] : [`${asked} refreshes for ${expiries} expiries`])];
}

function unanswered(answers: readonly Answer[]): string[] {
  const refused = answers.filter(({ status }) => status !== 200);
  return refused.slice(0, 1).map(({ status, body }) => `${refused.length} of ${answers.length} requests failed (${status} ${body})`);
}

const leaks = ({ output }: GatewayProcess): string[] => (/rt-\d|eyJ/.test(output) ? ['a token is in the log'] : []);
