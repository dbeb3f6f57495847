export { Secret } from './secret.js';
export { ConfigError, loadConfig } from './load.js';
export { choice, count, flag, memorySize, optionalSecret, optionalText, pathList, port, positive, requiredSecret, seconds, textWithDefault } from './fields.js';
export { consumerFields, defaultDataDir, hostFields, serviceFields } from './service.config.js';
