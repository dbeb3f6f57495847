export { Secret } from './secret.js';
export { ConfigError, loadConfig } from './load.js';
export { amount, choice, count, flag, hours, memorySize, optionalSecret, optionalText, pathList, port, positive, requiredSecret, seconds, textWithDefault } from './fields.js';
export { auditFields, consumerFields, defaultDataDir, envelopeFields, hostFields, retentionFields, serviceFields } from './service.config.js';
export { fileVersion } from './file-version.js';
export { isPathWithin } from './path-within.js';
export { replaceFile } from './replace-file.js';
export { bundleOf, isBundled, serviceEntry } from './service-entry.js';
export { serviceMemory } from './service-memory.js';
