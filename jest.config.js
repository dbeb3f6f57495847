/** Shared by every project: `jest -c <root>/jest.config.js --rootDir <project>`. Run with NODE_OPTIONS=--experimental-vm-modules. */
export default {
  testEnvironment: 'node',
  testMatch: ['**/src/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  // Nest's decorators need the swc legacy transform with metadata; everything else stays native ESM.
  transform: {
    '\\.ts$': ['@swc/jest', { swcrc: false, jsc: { target: 'es2023', parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: true } }, module: { type: 'es6' }, sourceMaps: 'inline' }],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@codex-mcp/source', 'node', 'node-addons'] },
};
