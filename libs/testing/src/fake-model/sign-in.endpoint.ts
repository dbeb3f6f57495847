import type { HttpAnswer } from './http-answer.js';

const accountId = 'acct_fake';

/**
 * What a sign-in at ChatGPT needs beside its tokens: the page in the browser, which signs in whoever opens it,
 * the code for another device, which somebody has entered already, the account's workspaces, and the revocation.
 */
export function answerSignIn(method: string, { pathname, searchParams }: URL): HttpAnswer | undefined {
  if (method === 'GET' && pathname === '/oauth/authorize') {
    const query = new URLSearchParams({ code: 'code_fake', state: searchParams.get('state') ?? '' });
    return { status: 302, headers: { location: `${searchParams.get('redirect_uri')}?${query.toString()}` }, body: {} };
  }
  if (method === 'POST' && pathname === '/oauth/revoke') return { status: 200, body: {} };
  if (method === 'POST' && pathname === '/api/accounts/deviceauth/usercode') {
    return { status: 200, body: { device_auth_id: 'dev_fake', user_code: 'FAKE-CODE1', interval: '1', expires_at: new Date(Date.now() + 900_000).toISOString() } };
  }
  if (method === 'POST' && pathname === '/api/accounts/deviceauth/token') return { status: 200, body: { authorization_code: 'code_fake', code_challenge: 'cc', code_verifier: 'cv' } };
  if (method === 'GET' && pathname.endsWith('/wham/accounts/check')) {
    const account = { id: accountId, name: 'Fake', structure: 'personal', plan_type: 'pro', profile_picture_url: null, workspace_backend_origin: 'https://chatgpt.com', account_routing_override: 'NO_CONSTRAINT' };
    return { status: 200, body: { accounts: [account], account_ordering: [accountId], default_account_id: accountId } };
  }
  return undefined;
}
