export { type AgentPlacementRecord, AgentStore } from './agent-store.js';
export { HeartbeatPublisher, readHeartbeats } from './heartbeats.js';
export { QUEUE_PREFIX } from './keys.js';
export { jobFailure, QueueClient } from './queue-client.js';
export { createRedis, createSubscriber, type RedisTemper } from './redis.js';
export { TurnControl } from './turn-control.js';
export { TurnDispatcher } from './turn-dispatcher.js';
export { isAfter, type LogEntry, TurnLogReader } from './turn-log.reader.js';
export { type AcceptOutcome, type Claim, type Lease, TurnStore } from './turn-store.js';
