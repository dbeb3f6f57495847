import base from '../../jest.config.js';

export default {
  ...base,
  testMatch: ['<rootDir>/src/**/*.e2e-spec.ts'],
  // Every suite starts whole systems, and some count processes and containers.
  maxWorkers: 1,
  testTimeout: 60_000,
};
