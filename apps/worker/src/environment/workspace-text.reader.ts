import type { AgentSession } from '../agents/agent-session.js';
import { READ } from '../workspace/files/file-scripts.js';

const ALL_LINES = '1000000000';
const ABSENT = 'There is no file';

/** `size` is the whole file's, of which there are whole lines up to the limit, or the beginning of the first. */
export type WorkspaceText = { bytes: Buffer; size: number };

/**
 * A file of the workspace, read where the agent lives without running anything of the repository; a link is followed only
 * where it stays in the workspace. Undefined where there is none; otherwise why it cannot be read.
 */
export async function readWorkspaceText(session: Pick<AgentSession, 'workspace' | 'sandboxPolicy'>, path: string, maxBytes: number): Promise<WorkspaceText | { problem: string } | undefined> {
  const answer = Buffer.from(await session.workspace.repository.shell(READ, [path, '1', ALL_LINES, String(maxBytes)], { sandboxPolicy: session.sandboxPolicy('read') }), 'base64');
  const firstLine = answer.indexOf('\n');
  const [word, ...rest] = answer.toString('latin1', 0, Math.max(firstLine, 0)).split(' ');
  if (word === 'ok') return { bytes: answer.subarray(firstLine + 1), size: Number(rest[0]) };
  const words = rest.join(' ');
  if (word === 'no' && words === ABSENT) return undefined;
  return { problem: word === 'no' ? `${words.charAt(0).toLowerCase()}${words.slice(1)} in its place` : 'Perl is missing where the agent lives' };
}
