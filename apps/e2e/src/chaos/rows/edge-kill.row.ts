import { setTimeout as delay } from 'node:timers/promises';
import { eventually, type Step } from '@codex-mcp/testing';
import { httpAndSse, streamableHttp } from '../clients/mcp.line.js';
import { rest } from '../clients/rest.line.js';
import { RoamingClient } from '../clients/roaming-client.js';
import { judge, otherEndings } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { broken, type Row, type RowContext, type RowOutcome } from './row.js';

const [CALLS, KILLS, CLIENTS, EDGES, WORKERS] = [200, 50, 6, 3, 2];
const DIALECTS = [streamableHttp, httpAndSse, rest];
const PAUSE_MS = [0, 600] as const;
/** From a call's sending to after its acceptance. */
const ACCEPTANCE_MS = 15;
const AIM_TIMEOUT_MS = 60_000;

/** Edges are killed under their clients, which find another one, repeat their calls and read on. */
export const edgeKillRow: Row = {
  number: 3,
  title: 'edge SIGKILL and reconnect',
  workers: WORKERS,
  edges: EDGES,
  mutation: { file: 'apps/mcp-edge/dist/rest/jobs.controller.js', find: "request.get('Last-Event-ID')", replace: 'undefined' },
  alsoMutants: [
    { file: 'libs/messaging/dist/turn.scripts.js', find: "local known = ARGV[6] == '1' and redis.call('GET', KEYS[6])", replace: 'local known = false' },
    { file: 'apps/mcp-edge/dist/management/turn-reading.service.js', find: 'let page = await this.page(turnId, cursor);', replace: 'let page = await this.page(turnId, BEGINNING);' },
  ],
  async run({ system, random, scaled }: RowContext): Promise<RowOutcome> {
    const names = Array.from({ length: Math.min(CLIENTS, Math.max(DIALECTS.length, scaled(CLIENTS * 5))) }, (_, index) => `agent-${index + 1}`);
    const clients = names.map((name, index) => new RoamingClient(system, random, DIALECTS[index % DIALECTS.length] ?? rest, name));
    await Promise.all(clients.map((client) => client.call([{ text: 'ready' }])));
    const stop = new AbortController();
    const load = clients.map((client) => keepCalling(client, random, stop.signal));
    const kills = await killEdges(system, random, clients, scaled(KILLS));
    const calls = () => clients.reduce((sum, { answered }) => sum + answered.length, 0);
    await eventually(() => calls() >= scaled(CALLS) || clients.some(({ complaints }) => complaints.length > 0), { timeoutMs: 300_000 }).catch(() => undefined); // told below
    stop.abort();
    await Promise.all(load);
    await Promise.all(clients.map((client) => client.close()));
    const verdict = await judge(system, clients.flatMap(({ answered }) => answered));
    const failures = [...broken(system, verdict), ...clients.flatMap(({ complaints }) => complaints), ...(await otherEndings(system, verdict))];
    if (verdict.askedAgain.length > 0) failures.push(`the model was asked again for ${verdict.askedAgain.length}`);
    if (kills < scaled(KILLS)) failures.push(`only ${kills} kills hit a client`);
    for (const { name } of DIALECTS) if (!clients.some(({ dialect, reconnectsMs }) => dialect.name === name && reconnectsMs.length > 0)) failures.push(`no client over ${name} lost its edge`);
    return { verdict, faults: kills, recoveriesMs: clients.flatMap(({ reconnectsMs }) => reconnectsMs), failures };
  },
};

async function keepCalling(client: RoamingClient, random: Random, stop: AbortSignal): Promise<void> {
  while (!stop.aborted && client.complaints.length === 0) await client.call(stepsOf(random));
}

/** Words at several paces, now and then after a command. */
function stepsOf(random: Random): Step[] {
  const answer = { text: 'one two three four five six', chunks: 6, firstDelayMs: random.between(0, 300), delayMs: random.pick([10, 60, 200]) };
  return random.next() < 0.2 ? [{ text: 'Looking.', phase: 'commentary', shell: 'echo one; sleep 0.2; echo two' }, answer] : [answer];
}

/** Each kill hits a client: one that is about to call, or one that listens. Resolves with how many there were. */
async function killEdges(system: ServiceSystem, random: Random, clients: readonly RoamingClient[], planned: number): Promise<number> {
  let kills = 0;
  while (kills < planned && clients.every(({ complaints }) => complaints.length === 0)) {
    await delay(random.between(...PAUSE_MS));
    const port = await aim(random, clients);
    await eventually(() => othersServe(system, port), { timeoutMs: AIM_TIMEOUT_MS }); // there is always an edge to go to
    const edge = system.edgeOn(port);
    if (!edge?.isRunning) continue;
    edge.signal('SIGKILL');
    await edge.exit();
    system.launch('mcp-edge', port);
    kills += 1;
  }
  return kills;
}

async function aim(random: Random, clients: readonly RoamingClient[]): Promise<number> {
  if (random.next() < 0.4) {
    const port = await Promise.race([random.pick(clients).nextCall(), delay(AIM_TIMEOUT_MS, 0, { ref: false })]);
    await delay(random.between(0, ACCEPTANCE_MS));
    if (port > 0) return port;
  }
  const connected = () => clients.flatMap(({ edge }) => edge ?? []);
  return random.pick(await eventually(() => connected().length > 0 && connected(), { timeoutMs: AIM_TIMEOUT_MS }));
}

async function othersServe(system: ServiceSystem, port: number): Promise<boolean> {
  const others = system.edgePorts.filter((other) => other !== port);
  return (await Promise.all(others.map((other) => system.isServing(other)))).some(Boolean);
}
