import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { slugAgentId } from '@codex-mcp/contracts';

const HASH_DIGITS = 8;
const MAX_CHARACTERS = 63;

/**
 * The agent of a client's calls that name none. One client in two directories is two agents: each directory is another
 * container, which one agent would have to make anew whenever its calls alternate.
 */
export function defaultAgentOf(clientName: string, directory: string | undefined): string {
  if (directory === undefined) return slugAgentId(clientName);
  const hash = createHash('sha256').update(directory).digest('hex').slice(0, HASH_DIGITS);
  const words = [slugAgentId(clientName), ...(basename(directory) === '' ? [] : [slugAgentId(basename(directory))])].join('-');
  return `${words.slice(0, MAX_CHARACTERS - HASH_DIGITS - 1)}-${hash}`;
}
