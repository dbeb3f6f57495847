import { homedir } from 'node:os';
import { defaultDataDir, optionalText, textWithDefault } from '@codex-mcp/config';
import { z } from 'zod';

/** Where a sign-in may be; read by the gateway, which uses it, and by `npm run auth`, which makes it. */
export const credentialFields = {
  DATA_DIR: textWithDefault(defaultDataDir()).describe('Where `npm start` keeps Redis’s data, logs and sockets, and agents without a container their files'),
  CREDENTIALS_DIR: optionalText().describe('Directory of codex-mcp’s own sign-in; default DATA_DIR/credentials'),
  OAUTH_TOKEN_STORAGE_PATH: optionalText().describe('The auth.json itself, where it has another name or place; then no other is looked for'),
  CODEX_AUTH_DIR: optionalText().describe('Directory with the auth.json of `codex login`, used where codex-mcp has no sign-in of its own; default CODEX_HOME, else ~/.codex, else %USERPROFILE%\\.codex'),
  CODEX_HOME: optionalText().describe('Home of the Codex that `codex login` ran with'),
  HOME: textWithDefault(homedir()).describe('Home directory of the user'),
  USERPROFILE: optionalText().describe('Home directory of the user on Windows'),
};

const CredentialVariables = z.object(credentialFields);
export type CredentialVariables = z.output<typeof CredentialVariables>;
