import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.fixture.js';
import { ProgressPacer } from './progress.pacer.js';

function start() {
  const clock = new ManualClock();
  const sent: { atMs: number; message: string }[] = [];
  const pacer = new ProgressPacer((message) => sent.push({ atMs: clock.now(), message }), () => `silent since ${clock.now()}`, 15_000, clock);
  return { clock, sent, pacer, messages: () => sent.map(({ message }) => message) };
}

const mostInOneSecond = (sent: { atMs: number }[]): number =>
  Math.max(...sent.map(({ atMs }) => sent.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1000).length));

describe('ProgressPacer', () => {
  it('sends the first message at once and an urgent one at once after it', () => {
    const { pacer, messages } = start();
    pacer.update('queued');
    pacer.update('started');
    expect(messages()).toEqual(['queued']);
    pacer.update('first words', true);
    expect(messages()).toEqual(['queued', 'first words']);
  });

  it('sends at most five messages in any second and never loses the newest', () => {
    const { clock, pacer, sent, messages } = start();
    for (let index = 0; index < 3000; index++) {
      pacer.update(`delta ${index}`, index % 100 === 0);
      clock.advance(1);
    }
    expect(mostInOneSecond(sent)).toBe(5);
    clock.advance(1000);
    expect(messages().at(-1)).toBe('delta 2999');
    expect(sent.length).toBeGreaterThanOrEqual(12);
  });

  it('breaks a silence, again and again, and begins anew after each message', () => {
    const { clock, pacer, sent } = start();
    clock.advance(14_000);
    pacer.update('running: npm test');
    clock.advance(14_999);
    expect(sent).toHaveLength(1);
    clock.advance(1);
    clock.advance(15_000);
    expect(sent.map(({ atMs }) => atMs)).toEqual([14_000, 29_000, 44_000]);
    expect(sent[1]?.message).toBe('silent since 29000');
  });

  it('says nothing more once closed', () => {
    const { clock, pacer, sent } = start();
    pacer.update('one');
    pacer.update('two');
    pacer.close();
    clock.advance(60_000);
    expect(sent).toHaveLength(1);
  });
});
