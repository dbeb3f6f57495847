export { AUTH_FILE_LOCK, forgetRefreshes, removeAuthFile, storeAuthFile } from './auth-file.store.js';
export { AuthJson, parseAuthJson, tokenDigest } from './auth-json.js';
export { credentialPaths, displayPath, refreshDirectory, storedProfiles } from './credential-paths.js';
export { credentialFields, type CredentialVariables } from './credential-fields.config.js';
export { LockTimeoutError, withFileLock } from './file-lock.js';
export { FileReplacement } from './file-replacement.js';
export { readClaims, type TokenClaims } from './token-claims.js';
