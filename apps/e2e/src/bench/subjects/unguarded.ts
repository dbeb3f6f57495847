import type { Mutation } from '../../scorecard/mutants/built-tree.js';

const STORE = 'libs/messaging/dist/turn-store.js';

/** Puts other code before a method's own. */
const instead = (signature: string, code: string): Mutation => ({ file: STORE, find: signature, replace: `${signature}\n${code}` });

/**
 * The product without its guarantee, for a copy of the built tree: whatever would be a record, a log entry or a lease is
 * a message that nobody waits for, and Redis writes nothing to disk. Only what was asked is still read by the worker,
 * and the first turn takes the ordinary way, which makes the agent, its thread and its lease.
 */
export const UNGUARDED: readonly Mutation[] = [
  instead(
    'async accept(request, maxQueued, maxOfTenant = 0) {',
    `if (this.known) {
    void this.redis.set(keys.turn('request:' + request.turnId), JSON.stringify(request), 'EX', 60);
    void this.redis.publish(keys.turnLog(request.turnId), '1-0 ' + numbered(1, [{ type: 'queued', position: 0 }])[1]);
    return { outcome: 'accepted', position: 0, turnId: request.turnId };
    }
    this.known = true;`,
  ),
  instead(
    'async claim(turnId, agentKey, lease, needsThread = false) {',
    `const asked = await this.redis.get(keys.turn('request:' + turnId));
    if (asked) {
    this.known ??= await this.redis.hmget(keys.agent(agentKey), 'threadId', 'epoch');
    void this.redis.publish(keys.turnLog(turnId), '2-0 ' + numbered(2, [{ type: 'started', epoch: 1 }])[1]);
    return { outcome: 'claimed', request: JSON.parse(asked), threadId: this.known[0], epoch: Number(this.known[1]), attempts: 1, seq: 2, startedAtMs: Date.now(), cancelRequested: false };
    }`,
  ),
  instead(
    'async append(turnId, attempt, firstSeq, events) {',
    `if (this.known) {
    events.forEach((event, index) => void this.redis.publish(keys.turnLog(turnId), (firstSeq + index) + '-0 ' + numbered(firstSeq + index, [event])[1]));
    return true;
    }`,
  ),
  instead(
    'async finish(turn, attempt, firstSeq, event, last = [], begun = false) {',
    `if (this.known) {
    await this.append(turn.turnId, attempt, firstSeq, [...last, event]);
    return { outcome: 'finished', next: undefined };
    }`,
  ),
  { file: 'apps/cli/dist/start/redis.service.js', find: "'appendonly yes'", replace: "'appendonly no'" },
];
