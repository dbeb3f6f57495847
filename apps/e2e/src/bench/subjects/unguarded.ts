import type { Mutation } from '../../chaos/mutants/built-tree.js';

const STORE = 'libs/messaging/dist/turn-store.js';

/** Puts other code before a method's own. */
const instead = (signature: string, code: string): Mutation => ({ file: STORE, find: signature, replace: `${signature}\n${code}` });

/**
 * The product without its guarantee, for a copy of the built tree: whatever would be a record, a log entry or a lease is
 * a message that nobody waits for, and Redis writes nothing to disk. Only what was asked is still read by the worker.
 */
export const UNGUARDED: readonly Mutation[] = [
  instead(
    'async accept(request, maxQueued) {',
    `void this.redis.set('request:' + request.turnId, JSON.stringify(request), 'EX', 60);
    void this.redis.publish(keys.turnLog(request.turnId), '1-0 ' + numbered(1, [{ type: 'queued', position: 0 }])[1]);
    return { outcome: 'accepted', position: 0, turnId: request.turnId };`,
  ),
  instead(
    'async claim(turnId, agentKey, lease) {',
    `const asked = JSON.parse(await this.redis.get('request:' + turnId));
    if (this.held !== agentKey) await this.redis.hset(keys.agent(this.held = agentKey), { epoch: 1, leaseHolder: lease.holder, leaseToken: lease.token });
    void this.redis.publish(keys.turnLog(turnId), '2-0 ' + numbered(2, [{ type: 'started', epoch: 1 }])[1]);
    return { outcome: 'claimed', request: asked, threadId: 'thread_of_the_benchmark', epoch: 1, attempts: 1, seq: 2, startedAtMs: Date.now(), cancelRequested: false };`,
  ),
  instead(
    'async append(turnId, attempt, firstSeq, events) {',
    `events.forEach((event, index) => void this.redis.publish(keys.turnLog(turnId), (firstSeq + index) + '-0 ' + numbered(firstSeq + index, [event])[1]));
    return true;`,
  ),
  instead(
    'async finish(turn, attempt, firstSeq, event, last = [], begun = false) {',
    `await this.append(turn.turnId, attempt, firstSeq, [...last, event]);
    return { outcome: 'finished', next: undefined };`,
  ),
  { file: 'apps/cli/dist/start/redis.service.js', find: "'appendonly yes'", replace: "'appendonly no'" },
];
