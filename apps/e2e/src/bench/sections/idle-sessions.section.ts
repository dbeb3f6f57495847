import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startStack } from '../../stack/stack.fixture.js';
import type { Section } from '../result.js';
import { edgeOf, residentMb } from '../subjects/service-process.js';
import { RawSession } from '../subjects/raw-session.js';
import type { System } from '../system.js';

const SESSIONS = 5000;
const MAX_MB = 450;
const AT_ONCE = 20;
const SETTLE_MS = 10_000;

/** Memory of an edge whose clients have opened a session, listen, and say nothing. */
export async function measureIdleSessions({ stack, cleanUp }: System): Promise<Section | undefined> {
  if (!existsSync('/proc/self/status')) return undefined;
  const fresh = cleanUp.add(await startStack({ runtime: 'process', fake: stack.fake }), (running) => running.stop());
  const edge = await edgeOf(fresh.pid);
  await delay(SETTLE_MS);
  const emptyMb = await residentMb(edge);
  const sessions = await openAll(fresh.url);
  await delay(SETTLE_MS);
  const quietMb = await residentMb(edge);
  for (const session of sessions) await session.listen();
  await delay(SETTLE_MS);
  const listeningMb = await residentMb(edge);
  for (const session of [sessions[0], sessions.at(-1)]) await session?.assertServed();
  await Promise.all(sessions.map((session) => session.close()));
  await fresh.stop();
  return {
    title: `Resident memory of the edge with ${SESSIONS} idle sessions on /mcp`,
    unit: 'MB',
    rows: [
      { label: 'without a session', samples: [emptyMb] },
      { label: 'sessions', samples: [quietMb] },
      { label: 'sessions, each with its stream open', samples: [listeningMb] },
    ],
    checks: [
      { target: 'sessions', limit: MAX_MB, measured: quietMb, unit: 'MB' },
      { target: 'sessions with streams', limit: MAX_MB, measured: listeningMb, unit: 'MB' },
    ],
  };
}

async function openAll(url: string): Promise<RawSession[]> {
  const sessions: RawSession[] = [];
  const numbers = Array.from({ length: SESSIONS }, (_, index) => index).values();
  const lane = async () => {
    for (const number of numbers) sessions.push(await RawSession.open(url, `bench-idle-${number}`));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return sessions;
}
