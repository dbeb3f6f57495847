import { digestOf } from '@codex-mcp/contracts';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { bearer } from '../tenants/raw-http.js';
import { ask, type Route, routesOf } from '../tenants/routes.js';
import { TOKENS, writeTokens } from '../tenants/tokens.js';
import type { RowOutcome, SystemRow } from './row.js';

const ORIGIN = 'apps/mcp-edge/dist/access/request-origin.middleware.js';

/** Requests by a name or from a page that is not the server's own, with the right token: what DNS rebinding and web pages can send. */
const FOREIGN: Readonly<Record<string, Record<string, string>>> = {
  'Host evil.example': { host: 'evil.example' },
  'Host localhost.evil.example': { host: 'localhost.evil.example:8210' },
  'Host 127.0.0.1.nip.io': { host: '127.0.0.1.nip.io' },
  'Origin evil.example': { host: 'localhost', origin: 'https://evil.example' },
  'Origin null': { host: 'localhost', origin: 'null' },
  'Origin localhost.evil.example': { host: 'localhost', origin: 'http://localhost.evil.example' },
  'Sec-Fetch-Site cross-site': { host: 'localhost', 'sec-fetch-site': 'cross-site' },
  'an <img> of another port': { host: 'localhost', 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
};

/** What is no token, or none any more. */
const STRANGERS: Readonly<Record<string, Record<string, string>>> = {
  'no token': {},
  'an unknown token': bearer('unknown'),
  'an expired token': bearer(TOKENS.expired),
  'the hash of a token': bearer(digestOf(TOKENS.victim)),
  'a token as a password': { authorization: `Basic ${Buffer.from(`victim:${TOKENS.victim}`).toString('base64url')}x` },
  'two tokens': { authorization: `Bearer ${TOKENS.expired} ${TOKENS.victim}` },
  'a token in a cookie': { cookie: `token=${TOKENS.victim}` },
  'an unsigned JWT': bearer(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"victim","scope":"read run admin"}').toString('base64url')}.`),
};

/** Every route under foreign names, from foreign pages and without a right to it: refused, and nothing is queued. */
export const foreignRequestsRow: SystemRow = {
  number: 16,
  title: 'DNS rebinding and auth',
  system: { workers: 1, edges: 1, furnish: writeTokens },
  shares: 'tenants',
  mutation: { file: ORIGIN, find: 'if (!hosts.allowsHost(host))', replace: 'if (false)' },
  alsoMutants: [
    { file: ORIGIN, find: 'if (!hosts.allowsOrigin(origin))', replace: 'if (false)' },
    { file: ORIGIN, find: "site !== 'same-site' || ", replace: "site !== 'same-site' && " },
    { file: 'apps/mcp-edge/dist/access/access-tokens.js', find: 'expiresAtMs <= timeMs', replace: 'false' },
    { file: 'apps/mcp-edge/dist/access/authenticator.service.js', find: 'if (this.isOpen)', replace: 'if (true)' },
  ],
  async run({ system }): Promise<RowOutcome> {
    const [port = 0] = system.edgePorts;
    const routes = await routesOf(port);
    const before = await turnsOf(system);
    const failures = (await Promise.all(routes.map((route) => attack(port, route)))).flat();
    const queued = (await turnsOf(system)) - before;
    const guarded = routes.filter(({ isOpen }) => !isOpen).length;
    return {
      tried: `${routes.length} routes × ${Object.keys(FOREIGN).length} foreign names and pages, ${guarded} × ${Object.keys(STRANGERS).length} without a right to them`,
      failures: [...failures, ...(queued === 0 ? [] : [`${queued} turns were queued`])],
    };
  },
};

async function attack(port: number, route: Route): Promise<string[]> {
  const name = `${route.method} ${route.path}`;
  const failures: string[] = [];
  const expectRefusal = async (how: string, headers: Record<string, string>, refusals: readonly number[]) => {
    const { status, text, headers: answered } = await ask(port, route, headers);
    if (!refusals.includes(status)) failures.push(`${name} with ${how}: ${status} ${text.slice(0, 100)}`);
    if (answered['access-control-allow-origin'] !== undefined) failures.push(`${name} with ${how} has CORS headers`);
  };
  for (const [how, headers] of Object.entries(FOREIGN)) await expectRefusal(how, { ...bearer(TOKENS.victim), ...headers }, [403]);
  if (route.isOpen) return failures;
  // The dashboards say that they are closed to whoever comes with something.
  for (const [how, headers] of Object.entries(STRANGERS)) await expectRefusal(how, headers, route.path.startsWith('/ops') ? [401, 403] : [401]);
  return failures;
}

/** How many turns Redis knows of. */
const turnsOf = async ({ redis }: ServiceSystem): Promise<number> => new Set((await redis.keys('*turn_*')).map((key) => /turn_[0-9a-f]{32}/.exec(key)?.[0])).size;
