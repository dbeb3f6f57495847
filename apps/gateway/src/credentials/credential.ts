import type { Secret } from '@codex-mcp/config';
import type { SignIn } from '@codex-mcp/contracts';

/** What a refresh works on: the file, and the digest of the access token that needs a successor. */
export type Refreshable = { readonly file: string; readonly accessToken: string };

export type ChatgptCredential = {
  method: 'chatgpt';
  accessToken: Secret;
  accountId: string | undefined;
  fedramp: boolean;
  expiresAtMs: number | undefined;
  /** Absent where there is no refresh token, or no way to save the next one. */
  refresh?: Refreshable;
};

/** What opens the model: a ChatGPT access token with the account it is for, or an API key. */
export type Credential = ChatgptCredential | { method: 'api_key'; apiKey: Secret };

/** One place that credentials may come from; `problem` means they are there but cannot be used. */
export type Finding =
  | { source: string; credential: Credential; problem?: undefined }
  | { source: string; credential?: undefined; problem: string };

/** The sign-in in force: without a credential, `signIn.problem` says what to do. */
export type SignInState = { signIn: SignIn; credential?: Credential };
