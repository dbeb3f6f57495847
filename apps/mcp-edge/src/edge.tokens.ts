/** Injection tokens of what is not a class of this app. */
export const EDGE_CONFIG = Symbol('EdgeConfig');
export const EDGE_PROCESS = Symbol('EdgeProcess');
export const LOGGER = Symbol('Logger');
export const METRICS = Symbol('Metrics');
export const REDIS = Symbol('Redis');
export const REDIS_SUBSCRIBER = Symbol('RedisSubscriber');

/** What this process says of itself. */
export type EdgeProcess = { readonly instance: string; readonly version: string; readonly startedAtMs: number };
