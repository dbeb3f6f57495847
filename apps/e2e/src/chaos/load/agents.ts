import type { TurnLoad } from './turn-load.js';

const WARM_UP_TIMEOUT_MS = 90_000;

/** Agents that have had their first turn. Rejects when one does not come up. */
export async function warmAgents(load: TurnLoad, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `agent-${index + 1}`);
  for (const name of names) await load.submit(name, [{ text: 'ready' }]);
  if (!(await load.settled(WARM_UP_TIMEOUT_MS))) throw new Error('the agents did not come up');
  return names;
}
