import { expect, it } from '@jest/globals';
import { sparingly } from './index.js';

it('says the first at once, and the next one an interval later with how often it was meanwhile', () => {
  let nowMs = 0;
  const said: [string, number][] = [];
  const note = sparingly<string>(1000, (what, times) => said.push([what, times]), () => nowMs);
  for (const [what, atMs] of [['a', 5], ['b', 6], ['c', 1004], ['d', 1005], ['e', 1006], ['f', 5000]] as const) {
    nowMs = atMs;
    note(what);
  }
  expect(said).toEqual([['a', 1], ['d', 3], ['f', 2]]);
});
