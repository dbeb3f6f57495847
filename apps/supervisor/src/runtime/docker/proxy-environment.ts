import { CONTAINER_GATEWAY_URL, type EgressView } from '@codex-mcp/contracts';

/** How commands in a container find the way out, where there is one. In both cases, as curl and others read only one of them. */
export function proxyEnvironment({ allowed, onRequest }: Pick<EgressView, 'allowed' | 'onRequest'>): Record<string, string> {
  if (allowed.length + onRequest.length === 0) return {};
  const { origin, hostname } = new URL(CONTAINER_GATEWAY_URL);
  const names = { HTTP_PROXY: origin, HTTPS_PROXY: origin, NO_PROXY: `localhost,${hostname},::1` };
  return Object.fromEntries(Object.entries(names).flatMap(([name, value]) => [[name, value], [name.toLowerCase(), value]]));
}
