import { describe, expect, it } from '@jest/globals';
import { eventually } from '@codex-mcp/testing';
import { Afterwork } from './afterwork.js';
import { recordingLogger } from './gateway.fixture.js';

describe('what is left to do of an answer', () => {
  it('is done soon, in order, and not while its request is answered', async () => {
    const done: number[] = [];
    const afterwork = new Afterwork(recordingLogger().logger);
    for (const number of [1, 2, 3]) afterwork.later(() => done.push(number));
    expect(done).toEqual([]);
    await eventually(() => done.length > 0);
    expect(done).toEqual([1, 2, 3]);
    afterwork.later(() => done.push(4));
    await eventually(() => done.length === 4);
  });

  it('is done at once where nothing more will come, each once, also behind one that fails', () => {
    const done: number[] = [];
    const { logger, lines } = recordingLogger();
    const afterwork = new Afterwork(logger);
    afterwork.later(() => {
      throw new Error('no space');
    });
    afterwork.later(() => done.push(1));
    afterwork.run();
    afterwork.run();
    expect(done).toEqual([1]);
    expect(lines().filter((line) => line.includes('no space'))).toHaveLength(1);
  });
});
