import type { Random } from '../../scorecard/random.js';
import { LoneEdge } from '../edge/lone-edge.js';
import { tryAgentId } from '../fuzz/agent-ids.js';
import { hostileRequest, type Targets, targetsOf } from '../fuzz/bodies.js';
import { type Attempt, send } from '../fuzz/send.js';
import type { OwnRow, RowContext, RowOutcome } from './row.js';

const [IDS, BODIES] = [10_000, 2000];
const AT_ONCE = 8;
const MAX_GROWTH_MB = 50;
/** Of what is tried, so much comes first: what its first thousand requests make of an edge that was idle (code that is compiled, room for young objects) they do whoever sends them. From there on it is load. */
const WARM_UP = 0.1;
/** Every key of ours; text of callers stands in idempotency keys alone, behind the agent's. */
const KEYS = /^codex-mcp(-queue:[\w.-]+(:[\w:.-]+)?|:(turn:turn_[0-9a-f]{32}(:log)?|agent:[0-9a-f]{32}(:(mailbox|turns|threads|workspaces|idempotency:[^]*))?|unfinished:(victims|attackers)|request-budget:(victims|attackers)|busy-agents|tenants|agents:(victims|attackers)|beats?(:[\w-]+:[\w-]+)?|mcp:[\w:-]+|[a-z-]+))$/;
/** What none of the answers may hold: files of the machine, insides of the program, errors that are bugs. (MCP's SDK says -32603, with a list of what does not fit, of malformed parameters too.) */
const INSIDES = [/root:x?:0:0/, /PATH=\//, /\/node_modules\/|\bat \S+ \(?file:\/\//, /"code":-32603,"message":"(?!\[)/, /"code":\s*"internal"/];

/** Ids and bodies that no client of good will sends. */
export const payloadFuzzRow: OwnRow = {
  number: 18,
  title: 'traversal and payload fuzz',
  unavailable: () => (process.platform === 'linux' ? undefined : 'memory is looked at in /proc'),
  mutation: { file: 'libs/contracts/dist/ids.js', find: 'return AGENT_ID_PATTERN.test(id) ? id : undefined;', replace: 'return id;' },
  alsoMutants: [
    { file: 'libs/contracts/dist/ids.js', find: 'if (!/^[\\t-\\r -~]*$/.test(raw))', replace: 'if (false)' },
    { file: 'apps/mcp-edge/dist/http/json-body.js', find: "throw new HttpProblem(400, 'malformed_json', 'The request body is not valid JSON.')", replace: "throw new Error('no JSON')" },
  ],
  async run({ root, random, scaled, cleanUp }: RowContext): Promise<RowOutcome> {
    const edge = await LoneEdge.start(root, cleanUp, { MAX_UNFINISHED_TURNS: '0', MAX_QUEUED_TURNS: '100000', MAX_REQUESTS_PER_MINUTE: '0', HANDLE_AFTER: '0.2' });
    const targets = await targetsOf(edge);
    const failures: string[] = [];
    const tryAll = async (share: number) => {
      await abreast(scaled(IDS) * share, async () => void failures.push(...(await tryAgentId(edge, random))));
      await abreast(scaled(BODIES) * share, async () => void failures.push(...(await tryBody(edge, random, targets))));
    };
    await tryAll(WARM_UP);
    const before = await edge.residentMb();
    const peak = edge.watchMemory();
    await tryAll(1 - WARM_UP);
    const grown = Math.max(0, (await peak()) - before);
    failures.push(...(await strayKeys(edge)), ...bugsOf(edge.log), ...(edge.isRunning ? [] : ['the edge has ended']));
    const { status } = await send(edge.url, { method: 'GET', path: '/health' });
    return {
      tried: `${scaled(IDS)} ids and ${scaled(BODIES)} bodies`,
      measured: `${Math.round(before)} MB, +${Math.round(grown)} MB`,
      failures: [...(status === 200 ? [] : [`health is ${status} afterwards`]), ...(failures.length > 0 ? [`${failures.length} escapes or bugs, such as: ${failures.slice(0, 5).join('; ')}`] : [])],
      slow: grown <= MAX_GROWTH_MB ? [] : [`memory grew by ${Math.round(grown)} MB, more than ${MAX_GROWTH_MB}`],
    };
  },
};

async function abreast(count: number, work: () => Promise<void>): Promise<void> {
  const places = Array.from({ length: Math.ceil(count) }).values();
  const lane = async () => {
    for (const _ of places) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

async function tryBody(edge: LoneEdge, random: Random, targets: Targets): Promise<string[]> {
  const attempt = hostileRequest(random, targets);
  const { status, text } = await send(edge.url, attempt);
  const told = describe(attempt);
  return [...(status >= 500 ? [`${told}: ${status} ${text.slice(0, 200)}`] : []), ...INSIDES.filter((inside) => inside.test(text)).map((inside) => `${told}: the answer holds ${inside.source}: ${text.slice(0, 300)}`)];
}

const describe = ({ method, path, headers, body = '' }: Attempt): string => `${method} ${path.slice(0, 80)} ${JSON.stringify(headers).slice(0, 200)} ${String(body).slice(0, 200)}`;

async function strayKeys({ redis }: LoneEdge): Promise<string[]> {
  const stray: string[] = [];
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'COUNT', 1000);
    stray.push(...found.filter((key) => !KEYS.test(key)));
    cursor = next;
  } while (cursor !== '0');
  return stray.map((key) => `a key that nobody should have made: ${key.slice(0, 100)}`);
}

const bugsOf = (log: string): string[] => log.split('\n').filter((line) => line.includes('unexpected error')).map((line) => `in the log: ${line.slice(0, 600)}`);
