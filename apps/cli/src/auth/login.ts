import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@codex-mcp/contracts';
import { credentialPaths, parseAuthJson, storeAuthFile } from '@codex-mcp/credentials';
import { z } from 'zod';
import type { AuthConfig, Environment } from './auth.config.js';
import { CodexProcess } from './codex.process.js';
import { openBrowser } from './open-browser.js';

export type LoginRequest = { type: 'chatgpt' } | { type: 'chatgptDeviceCode' } | { type: 'apiKey'; apiKey: string };

/** Codex 0.169's answers to `account/login/start`. */
const Started = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('apiKey') }),
  z.looseObject({ type: z.literal('chatgpt'), loginId: z.string(), authUrl: z.string() }),
  z.looseObject({ type: z.literal('chatgptDeviceCode'), loginId: z.string(), verificationUrl: z.string(), userCode: z.string() }),
]);
type Started = z.infer<typeof Started>;

const Completed = z.looseObject({ success: z.boolean(), error: z.string().nullish() });
type Completed = z.infer<typeof Completed>;

/**
 * Signs in by Codex's own flow, in a home that is only for this, and stores the result as codex-mcp's own sign-in of that profile;
 * the one before stays in force until then. Throws `not_signed_in` with the reason.
 */
export async function login(request: LoginRequest, config: AuthConfig, env: Environment, out: (text: string) => void, profile: string): Promise<void> {
  const { own } = credentialPaths(config, profile);
  const patience = givingUp(config.OAUTH_CALLBACK_TIMEOUT);
  const codex = await CodexProcess.start(config, env, dirname(own));
  try {
    const completed = completion(codex);
    const started = Started.parse(await codex.request('account/login/start', request));
    tell(started, config, out);
    const outcome = await Promise.race([completed, patience.over]);
    if (!outcome.success) throw new AppError('not_signed_in', `The sign-in did not succeed: ${outcome.error ?? 'Codex gave no reason'}. Nothing has changed.`);
    const text = await readFile(join(codex.home, 'auth.json'), 'utf8');
    if (!parseAuthJson(text)) throw new AppError('not_signed_in', 'Codex has signed in, but left no auth.json that codex-mcp can read. Nothing has changed.');
    await storeAuthFile(own, text);
  } finally {
    await codex.stop();
    patience.end();
  }
}

/** The end of the sign-in, which may come before the reply to its start. */
const completion = (codex: CodexProcess): Promise<Completed> =>
  new Promise((resolve) => {
    codex.on('notification', (method, params) => {
      if (method === 'account/login/completed') resolve(Completed.parse(params));
    });
  });

function tell(started: Started, config: AuthConfig, out: (text: string) => void): void {
  if (started.type === 'chatgptDeviceCode') {
    out(`Open this page in any browser:\n\n  ${started.verificationUrl}\n\nand enter this code, which you should give to nobody:\n\n  ${started.userCode}\n\nWaiting …`);
  } else if (started.type === 'chatgpt') {
    out(`Sign in with ChatGPT on this page, in a browser on this machine (without one: npm run auth -- login --device):\n\n  ${started.authUrl}\n\nWaiting …`);
    if (config.OAUTH_AUTO_OPEN_BROWSER) openBrowser(started.authUrl);
  }
}

/** Resolves `over` after the time or at a signal, whose default would leave Codex and its home behind. */
function givingUp(timeoutMs: number): { over: Promise<Completed>; end: () => void } {
  let giveUp: (reason: string) => void = () => undefined;
  const over = new Promise<Completed>((resolve) => (giveUp = (error) => resolve({ success: false, error })));
  const timer = setTimeout(() => giveUp(`nobody signed in within ${timeoutMs / 1000} s (OAUTH_CALLBACK_TIMEOUT)`), timeoutMs);
  const onSignal = () => giveUp('it was interrupted');
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const end = () => {
    clearTimeout(timer);
    for (const signal of signals) process.off(signal, onSignal);
  };
  return { over, end };
}
