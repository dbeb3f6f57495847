import { AGENT_ID_PATTERN } from '@codex-mcp/contracts';

/** What a resource is of an agent. */
export type ResourceAddress =
  | { readonly kind: 'agent' | 'threads' | 'diff'; readonly agentId: string }
  | { readonly kind: 'thread'; readonly agentId: string; readonly threadId: string }
  | { readonly kind: 'turn' | 'turn_diff'; readonly agentId: string; readonly turnId: string }
  | { readonly kind: 'file'; readonly agentId: string; readonly path: string };

const URI = /^agent:\/\/([^/?#]+)(?:\/([^?#]*))?$/;

/** Reads `agent://{agent_id}` and what is below it; undefined for anything else. Paths are percent-encoded as in any URI. */
export function parseResourceUri(uri: string): ResourceAddress | undefined {
  const [, agentId = '', rest = ''] = URI.exec(uri) ?? [];
  if (!AGENT_ID_PATTERN.test(agentId)) return undefined;
  const [section, ...parts] = rest.split('/').map(decoded);
  if (parts.includes(undefined)) return undefined;
  const [first = '', second, ...more] = parts as string[];
  if (section === '' && parts.length === 0) return { kind: 'agent', agentId };
  if (section === 'files' && first !== '') return { kind: 'file', agentId, path: parts.join('/') };
  if ((section === 'threads' || section === 'diff') && parts.length === 0) return { kind: section, agentId };
  if (section === 'threads' && first !== '' && second === undefined) return { kind: 'thread', agentId, threadId: first };
  if (section !== 'turns' || first === '' || more.length > 0) return undefined;
  if (second === undefined) return { kind: 'turn', agentId, turnId: first };
  return second === 'diff' ? { kind: 'turn_diff', agentId, turnId: first } : undefined;
}

export const agentUri = (agentId: string, ...parts: string[]): string => ['agent:/', agentId, ...parts.map(encodeURIComponent)].join('/');

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
