/**
 * Shared by every project: `jest --rootDir <project>`. Run with NODE_OPTIONS=--experimental-vm-modules.
 * Unit, integration and contract tests; apps/e2e has a configuration of its own.
 */
export default {
  testEnvironment: 'node',
  // Jest's 5 s end a test on a busy machine, and before `eventually` (10 s) can say what it waited for.
  testTimeout: 30_000,
  testMatch: ['**/src/**/*.{spec,int-spec,contract-spec}.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  // Nest's decorators need the swc legacy transform with metadata; everything else stays native ESM.
  transform: {
    '\\.ts$': ['@swc/jest', { swcrc: false, jsc: { target: 'es2023', parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: true } }, module: { type: 'es6' }, sourceMaps: 'inline' }],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@codex-mcp/source', 'node', 'node-addons'] },
};
