import base from '../../jest.config.js';

export default {
  ...base,
  testMatch: ['<rootDir>/src/**/*.e2e-spec.ts'],
  // Every suite starts whole systems. `npm test` runs three at a time of those that have nothing in common.
  maxWorkers: 1,
  testTimeout: 60_000,
};
