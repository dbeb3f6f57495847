import { dataPaths, type StartConfig } from './start.config.js';

const UNSIGNED = 'Other hosts may share this REDIS_URL, so no keys are made here: what services leave for one another in Redis is not signed, and whoever can write there is believed. Give ENVELOPE_KEYS_DIR to all hosts, with one set of keys.';

/**
 * Where the services have what they sign with; undefined where they have nothing. `made`: to be made where it is missing. Keys of one
 * host's own making would have it refuse all that the others wrote into a Redis that they share.
 */
export function keysDirectory({ DATA_DIR, REDIS_URL }: Pick<StartConfig, 'DATA_DIR' | 'REDIS_URL'>, env: Record<string, string | undefined>): { path?: string; made: boolean; warning?: string } {
  const given = env['ENVELOPE_KEYS_DIR'];
  if (given) return { path: given, made: false };
  return REDIS_URL ? { made: false, warning: UNSIGNED } : { path: dataPaths(DATA_DIR).keys, made: true };
}
