import type { ChainableCommander } from 'ioredis';

/** What the commands of a pipeline returned. Rejects with the first error among them, of which ioredis's `exec` only tells in its results. */
export async function resultsOf(pipeline: ChainableCommander): Promise<unknown[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, result]) => {
    if (error) throw error;
    return result;
  });
}
