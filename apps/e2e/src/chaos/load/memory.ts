import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { Submitted } from './turn-load.js';

/** Turns after a break must complete, and the model must see with them what was said before it: the `first` turn of the same agent. */
export async function forgetful(system: ServiceSystem, turns: readonly Submitted[], first: ReadonlyMap<string, Submitted>): Promise<string[]> {
  const failures: string[] = [];
  for (const { turnId, agentId, mark } of turns) {
    const status = (await system.turns.load(turnId))?.status;
    const request = system.fake.responsesRequests().find(({ model }) => model.userText.includes(mark));
    const remembers = JSON.stringify(request?.body ?? '').includes(first.get(agentId)?.mark ?? '?');
    if (status !== 'completed' || !remembers) failures.push(`the next turn of ${agentId} ${status === 'completed' ? 'had no memory' : `was ${status}`}`);
  }
  return failures;
}
