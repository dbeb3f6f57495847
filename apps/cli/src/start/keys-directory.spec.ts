import { expect, it } from '@jest/globals';
import { keysDirectory } from './keys-directory.js';
import { loadStartConfig } from './start.config.js';

const REDIS = { REDIS_URL: 'redis://shared:6379' };
const chosen = (env: Record<string, string>) => keysDirectory(loadStartConfig({ DATA_DIR: '/data', ...env }), env);

it('keys are made for a Redis of one’s own; for a shared one they are given, or there are none, with a warning', () => {
  expect(chosen({})).toEqual({ path: '/data/keys', made: true });
  expect(chosen({ ENVELOPE_KEYS_DIR: '' })).toEqual({ path: '/data/keys', made: true });
  expect(chosen({ ...REDIS })).toEqual({ made: false, warning: expect.stringContaining('ENVELOPE_KEYS_DIR') });
  for (const redis of [{}, REDIS]) expect(chosen({ ...redis, ENVELOPE_KEYS_DIR: '/given' })).toEqual({ path: '/given', made: false });
});
