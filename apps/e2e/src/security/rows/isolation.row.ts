import { randomBytes } from 'node:crypto';
import { agentKey } from '@codex-mcp/contracts';
import { TOOLS } from '@codex-mcp/tools';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { containerOf } from '../../stack/agent-containers.js';
import { type Attempt, QUICK_ATTEMPTS, WORKING_ATTEMPTS } from '../tenants/attempts.js';
import { scanFrom } from '../tenants/network-scan.js';
import { blurred, nobodys, type References } from '../tenants/references.js';
import { unknownReferences } from '../tenants/tool-arguments.js';
import { TOKENS, writeTokens } from '../tenants/tokens.js';
import { Victim } from '../tenants/victim.js';
import type { RowOutcome, SystemRow } from './row.js';

/** Every tool, route, resource, task, session and stream, asked by one tenant for what is another's: answered as for what nobody has. */
export const isolationRow: SystemRow = {
  number: 15,
  title: 'isolation matrix',
  system: { workers: 1, edges: 1, furnish: writeTokens },
  shares: 'tenants',
  mutation: { file: 'apps/mcp-edge/dist/invocation/turn-lookup.service.js', find: 'turn?.request.agent.tenant === tenant', replace: 'turn' },
  alsoMutants: [
    { file: 'apps/mcp-edge/dist/approvals/approval-desk.service.js', find: 'record?.approval.agent.tenant === tenant', replace: 'record' },
    { file: 'apps/mcp-edge/dist/mcp/sessions/session-registry.js', find: 'if (!entry || entry.session.principal.id !== principal.id)', replace: 'if (!entry)' },
    { file: 'libs/contracts/dist/ids.js', find: '`${tenant}\\0${agentId}`', replace: '`${agentId}`' },
    { file: 'apps/supervisor/dist/runtime/docker/container-spec.js', find: "NetworkMode: 'none',\n        IpcMode", replace: "NetworkMode: 'bridge',\n        IpcMode" },
  ],
  async run({ system, random, scaled }): Promise<RowOutcome> {
    const [port = 0] = system.edgePorts;
    const secret = `secret-${randomBytes(8).toString('hex')}`;
    const victim = await Victim.settle(system, `agent-${randomBytes(4).toString('hex')}`, secret);
    const scan = await scanFrom(await containerOf(system.deployment, victim.refs.agent), [port, system.redisServer.port, system.fake.port]);
    const from = random.between(0, WORKING_ATTEMPTS.length - 1);
    const slow = [...WORKING_ATTEMPTS.slice(from), ...WORKING_ATTEMPTS.slice(0, from)].slice(0, scaled(WORKING_ATTEMPTS.length));
    const unknown = nobodys();
    const failures: string[] = [];
    for (const attempt of [...QUICK_ATTEMPTS, ...slow]) failures.push(...(await compare(attempt, port, victim.refs, unknown, secret)));
    failures.push(...(await victim.leave()), ...(await traces(system, victim.refs, unknown)));
    return {
      tried: `${QUICK_ATTEMPTS.length + slow.length} ways to ask for somebody else's (${TOOLS.size} tools), ${scan.tried} addresses from inside an agent`,
      failures: [...[...TOOLS.values()].flatMap(unknownReferences), ...failures, ...scan.failures],
    };
  },
};

/** What is the victim's and what is nobody's must look the same to the attacker, but for the names. */
async function compare({ name, make }: Attempt, port: number, foreign: References, unknown: References, secret: string): Promise<string[]> {
  const [of, none] = [await make(port, TOKENS.attacker, foreign), await make(port, TOKENS.attacker, unknown)];
  const [seen, expected] = [blurred(of.text, foreign), blurred(none.text, unknown)];
  return [
    ...(of.status === none.status && seen === expected ? [] : [`${name}: ${of.status} ${seen.slice(0, 200)} for the victim's, ${none.status} ${expected.slice(0, 200)} for nobody's`]),
    ...(of.text.includes(secret) ? [`${name} tells the victim's secret`] : []),
  ];
}

/** What the attacker's asking has left in Redis: of the same kinds for either. */
async function traces({ redis }: ServiceSystem, foreign: References, unknown: References): Promise<string[]> {
  const kindsOf = async (refs: References) => {
    const key = agentKey('attackers', refs.agent);
    return (await redis.keys(`*${key}*`)).map((name) => blurred(name.replace(key, '<agent>'), refs)).toSorted();
  };
  const [of, none] = [await kindsOf(foreign), await kindsOf(unknown)];
  return of.join() === none.join() ? [] : [`asking for the victim's left ${of.join()}, for nobody's ${none.join()}`];
}
