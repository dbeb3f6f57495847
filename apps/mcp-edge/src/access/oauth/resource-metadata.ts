import { Scope } from '@codex-mcp/contracts';
import { type OauthSettings, RESOURCE_PATHS } from './oauth.config.js';

export const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Where the resource that has this path is described. */
export const metadataUrl = ({ publicUrl }: OauthSettings, path: string): string => `${publicUrl}${WELL_KNOWN}${resourceOf(path)}`;

/** The description of a resource by RFC 9728: who issues tokens for it, and what they can allow. */
export const resourceMetadata = ({ issuer, publicUrl }: OauthSettings, path: (typeof RESOURCE_PATHS)[number]) => ({
  resource: `${publicUrl}${path}`,
  authorization_servers: [issuer],
  scopes_supported: Scope.options,
  bearer_methods_supported: ['header'],
  resource_name: 'codex-mcp',
});

/** POSTs of sessions over /sse belong to it. */
const resourceOf = (path: string): (typeof RESOURCE_PATHS)[number] => RESOURCE_PATHS.find((known) => known === (path === '/messages' ? '/sse' : path)) ?? '';
