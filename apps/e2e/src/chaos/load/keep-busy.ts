import type { Random } from '../../scorecard/random.js';
import type { TurnLoad } from './turn-load.js';

const QUEUE_AHEAD = 2;
const SETTLE_MS = 60_000;

/**
 * Keeps a few turns ahead for each agent until the returned function is called, which resolves when it has stopped.
 * `pausesMs`: between the words of an answer, one chosen for each turn.
 */
export function keepBusy(load: TurnLoad, agents: readonly string[], random: Random, pausesMs: readonly number[]): () => Promise<void> {
  const stop = new AbortController();
  const feed = async (agentId: string) => {
    while (!stop.signal.aborted) {
      // While Redis is away this waits, as an accepted turn is one whose acceptance was answered.
      const turns = [];
      for (let turn = 0; turn < QUEUE_AHEAD; turn++) turns.push(await load.submit(agentId, [{ text: 'some words', chunks: 2, firstDelayMs: random.between(0, 800), delayMs: random.pick(pausesMs) }]));
      await load.settled(SETTLE_MS, turns);
    }
  };
  const feeds = agents.map(feed);
  return async () => {
    stop.abort();
    await Promise.all(feeds);
  };
}
