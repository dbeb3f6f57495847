import { z } from 'zod';
import { amount, choice, count, flag, hostFields, memorySize, optionalSecret, optionalText, port, seconds, serviceFields, textWithDefault } from '@codex-mcp/config';
import { credentialFields } from '@codex-mcp/credentials';
import { modelPricesField } from '@codex-mcp/prices';
import { egressRules } from './egress/egress-rules.js';
import { gitForges } from './forge/forges.js';
import { gitHosts } from './git/git-hosts.js';

const httpUrl = (fallback: string) =>
  textWithDefault(fallback).transform((value, context) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash) return value.replace(/\/+$/, '');
    context.addIssue({ code: 'custom', message: 'must be an http(s) URL without user, query or fragment, such as https://api.openai.com/v1' });
    return z.NEVER;
  }).meta({ default: fallback });

/** The gateway's environment. Credentials enter the system here and nowhere else. */
export const GatewayConfig = z.object({
  ...serviceFields,
  ...hostFields,
  OPENAI_API_KEY: optionalSecret().describe('OpenAI API key; used before one in auth.json, as it belongs to OPENAI_BASE_URL'),
  OPENAI_BASE_URL: httpUrl('https://api.openai.com/v1').describe('Where requests go with an API key; a ChatGPT sign-in ignores it and uses CHATGPT_BASE_URL'),
  CHATGPT_BASE_URL: httpUrl('https://chatgpt.com/backend-api/codex').describe('Where requests go with a ChatGPT sign-in, also when OPENAI_BASE_URL is set'),
  CHATGPT_OAUTH_TOKEN: optionalSecret().describe('A ChatGPT access token, used when there is no auth.json; it cannot be refreshed'),
  CODEX_AUTH_METHOD: choice(['auto', 'api_key', 'oauth'], 'auto').describe('Which kind of sign-in to use: an API key, ChatGPT, or whichever is found'),
  CODEX_PREFER_OAUTH: flag(true).describe('With CODEX_AUTH_METHOD=auto: ChatGPT before an API key'),
  ...credentialFields,
  SIGN_IN_PROFILES_FILE: optionalText().describe('JSON file that names the sign-in of tenants and agents who have another than the default: {"tenants": {"alice": "work"}, "agents": {"bob": {"builder": "work"}}}, made by `npm run auth -- login --profile work`; read again when it changes'),
  CODEX_REFRESH_TOKEN_URL_OVERRIDE: optionalText().describe('Where a ChatGPT sign-in is refreshed, instead of at its issuer; Codex’s own variable, for tests'),
  GATEWAY_BIND: textWithDefault('127.0.0.1').describe('Address for agents that run without a container'),
  GATEWAY_PORT: port(0).describe('Port for agents that run without a container; 0 picks a free one and keeps it over restarts'),
  GATEWAY_SECRET_FILE: optionalText().describe('File with the key that the URLs of agents without a container are derived from; default RUN_DIR/gateway.secret, created on first use'),
  GATEWAY_MAX_BODY: memorySize('64m').describe('Largest request that an agent may send to the model'),
  UPSTREAM_CONNECT_TIMEOUT: seconds(10).describe('Seconds to connect to OpenAI'),
  UPSTREAM_FIRST_BYTE_TIMEOUT: seconds(300).describe('Seconds until the first byte of an answer'),
  UPSTREAM_IDLE_TIMEOUT: seconds(300).describe('Seconds between two parts of an answer'),
  MODEL_RETRY_MAX: count(6, 0).describe('How often a model request that found a failing or unreachable service is sent again; rate limits and overload are waited out as long as the turn has time'),
  MODEL_PRICES_FILE: modelPricesField(),
  BUDGET_AGENT_TOKENS: count(0, 0).describe('Tokens, input and output, that one agent may take of the model on one day (UTC); 0: any number. Callers invent agent ids: only a tenant’s budget bounds a caller'),
  BUDGET_AGENT_USD: amount(0).describe('The same in US dollars, at the prices that costs are told by; models without a price count as the dearest one'),
  BUDGET_TENANT_TOKENS: count(0, 0).describe('Tokens that all agents of one tenant together may take on one day; 0: any number'),
  BUDGET_TENANT_USD: amount(0).describe('The same in US dollars'),
  HTTPS_PROXY: optionalSecret().describe('Proxy on the way to OpenAI, such as http://proxy:3128'),
  https_proxy: optionalSecret().describe('The same as HTTPS_PROXY'),
  NO_PROXY: optionalText().describe('Hosts that are reached without HTTPS_PROXY'),
  no_proxy: optionalText().describe('The same as NO_PROXY'),
  GIT_HOSTS: gitHosts().describe('Hosts that agents may reach with git over HTTPS, through the gateway: github.com,git.example.org:8443; host=address for one in a private network. Empty: none'),
  GIT_CREDENTIALS_FILE: optionalText().describe('File with credentials for GIT_HOSTS in the format of git-credential-store, a URL such as https://user:token@github.com on each line; read again when it changes, and never given to an agent'),
  GIT_PUSH: flag(false).describe('Whether agents may push to GIT_HOSTS as well'),
  GIT_FORGES: gitForges().describe('Hosts of GIT_HOSTS at which create_pull_request opens pull requests, with what runs there: github.com,gitlab.com,git.example.org=gitea (github, gitlab or gitea). Needs GIT_PUSH and a token in GIT_CREDENTIALS_FILE. Empty: it only pushes the branch'),
  GIT_MAX_BYTES: memorySize('2g').describe('Largest git request, and largest answer to one'),
  GIT_TIMEOUT: seconds(600).describe('Seconds that one git request may take'),
  EGRESS_ALLOW: egressRules().describe('Hosts that commands in agents may reach through the gateway: packages.example.org,*.example.org:8443; 443 is the port where none is named, host=address is for one in a private network. Empty: none'),
  EGRESS_ALLOW_ON_REQUEST: egressRules().describe('Hosts that an agent may reach where the codex-mcp.json of its repository asks for them in egress; written as in EGRESS_ALLOW'),
  EGRESS_MAX_CONNECTIONS: count(32).describe('Connections to such hosts that one agent may have open'),
  EGRESS_MAX_BYTES: memorySize('2g').describe('Bytes that one such connection may carry, both ways together'),
  EGRESS_TIMEOUT: seconds(600).describe('Seconds that one such connection may last'),
  EGRESS_IDLE_TIMEOUT: seconds(120).describe('Seconds that one may carry nothing'),
  SHUTDOWN_TIMEOUT: seconds(10).describe('Seconds that answers in flight get to finish when the gateway stops'),
});
export type GatewayConfig = z.output<typeof GatewayConfig>;
