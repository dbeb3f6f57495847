import { join } from 'node:path';
import type { AgentSession } from '../agents/agent-session.js';
import { readWorkspaceText } from './workspace-text.reader.js';

const FILE = 'AGENTS.md';
/** What Codex itself reads of such a file. */
const MAX_BYTES = 32 * 1024;

/**
 * Gives Codex the AGENTS.md of the workspace. It would not read that itself, as it is not to trust the workspace, but it
 * does read the one in its own home, and tells a running conversation when that changes. Returns what is wrong with it.
 */
export async function settleInstructions(session: AgentSession): Promise<string | undefined> {
  const { codexHome } = session.placement;
  if (codexHome === undefined) return undefined;
  const found = await readWorkspaceText(session, FILE, MAX_BYTES);
  const isText = found !== undefined && !('problem' in found);
  const text = isText ? found.bytes.toString('utf8') : '';
  if (session.instructions !== text) await session.codex.writeFile(join(codexHome, FILE), Buffer.from(text));
  session.instructions = text;
  if (isText) return found.size > MAX_BYTES ? `Only the first ${MAX_BYTES / 1024} KiB of ${FILE} are given to Codex.` : undefined;
  return found && `${FILE} is not used: ${found.problem}.`;
}
