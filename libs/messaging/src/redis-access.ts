import { createHash } from 'node:crypto';
import { keys, QUEUE_PREFIX } from './keys.js';

export const REDIS_USERS = ['mcp-edge', 'worker', 'supervisor', 'gateway'] as const;
export type RedisUser = (typeof REDIS_USERS)[number];

/** What a service may touch: `read` keys and `write` (also read) keys by patterns, channels by patterns, and which commands. */
type Access = { readonly read?: readonly string[]; readonly write: readonly string[]; readonly channels: readonly string[]; readonly commands: readonly string[] };

const queue = (name: string): string => `${QUEUE_PREFIX}:${name}:*`;

/**
 * Data of all types, scripts, which are held to the same keys, and what clients ask when they connect. Nothing that administers the
 * server, is slow for all, tells of keys that are not one's own, or leaves scripts behind.
 */
const DATA = ['+@read', '+@write', '+@transaction', '+@connection', '+subscribe', '+unsubscribe', '+publish', '+pubsub|numsub', '+eval', '+evalsha', '+time', '-@admin', '-@dangerous', '-scan', '-randomkey', '-dbsize', '-select', '-move', '+info'];
const COUNTS_AND_BEATS = ['+@connection', '-@admin', '-@dangerous', '-select', '+info', '+set', '+del', '+sadd', '+srem', '+multi', '+exec', '+hincrby', '+expire', '+hmget', '+publish', '+eval', '+evalsha'];

const ACCESS: Record<RedisUser, Access> = {
  'mcp-edge': { write: ['codex-mcp:*', `${QUEUE_PREFIX}:*`], channels: ['codex-mcp:*'], commands: DATA },
  worker: {
    read: [keys.beat('*', '*')],
    write: [keys.turn('*'), keys.agent('*'), keys.busyAgents, keys.unfinishedOf('*'), keys.approval('*'), keys.openApprovals, keys.beats, keys.beat('worker', '*'), queue('turns'), queue('placements'), queue('supervisor-*')],
    channels: [keys.turnLog('*'), keys.turnControl, keys.modelWaits, keys.agentHalts],
    commands: DATA,
  },
  supervisor: {
    read: [keys.beat('*', '*'), keys.busyAgents],
    write: [keys.agent('*'), keys.agentsOf('*'), keys.tenants, keys.beats, keys.beat('supervisor', '*'), queue('placements'), queue('supervisor-*')],
    channels: [keys.agentHalts],
    commands: DATA,
  },
  gateway: { write: [keys.usage('*', '*'), keys.beats, keys.beat('gateway', '*')], channels: [keys.modelWaits], commands: COUNTS_AND_BEATS },
};

/** Lines of a Redis configuration or ACL file: a user for each service, with what it needs and nothing else. The passwords are hashed. */
export function redisUsers(passwords: Readonly<Record<RedisUser, string>>): string[] {
  return REDIS_USERS.map((user) => {
    const { read = [], write, channels, commands } = ACCESS[user];
    return ['user', user, 'reset', 'on', hashed(passwords[user]), ...read.map((pattern) => `%R~${pattern}`), ...write.map((pattern) => `~${pattern}`), ...channels.map((pattern) => `&${pattern}`), '-@all', ...commands].join(' ');
  });
}

/** A line of an ACL file, which knows no `requirepass`: who gives no name may do everything, with this password. */
export const redisAdministrator = (password: string): string => `user default reset on ${hashed(password)} ~* &* +@all`;

const hashed = (password: string): string => `#${createHash('sha256').update(password).digest('hex')}`;
