import { isUtf8 } from 'node:buffer';
import { DEFAULT_REPOSITORY_SETTINGS, MAX_REPOSITORY_SETTINGS_BYTES, parseRepositorySettings, REPOSITORY_SETTINGS_FILE, type RepositorySettings } from '@codex-mcp/contracts';
import type { AgentSession } from '../agents/agent-session.js';
import { READ } from '../workspace/files/file-scripts.js';

const ALL_LINES = '1000000000';
const ABSENT = 'There is no file';

export type ReadSettings = {
  /** The defaults, where there is no such file or it cannot be used. */
  settings: RepositorySettings;
  /** The file as it is, where there is one that can be used. */
  text?: string;
  /** Why the file that is there is not used. */
  problem?: string;
};

/**
 * What the repository in the agent's workspace says of its environment. Read where the agent lives, without running
 * anything of the repository; a link is followed only where it stays in the workspace.
 */
export async function readRepositorySettings({ workspace, sandboxPolicy }: Pick<AgentSession, 'workspace' | 'sandboxPolicy'>): Promise<ReadSettings> {
  const args = [REPOSITORY_SETTINGS_FILE, '1', ALL_LINES, String(MAX_REPOSITORY_SETTINGS_BYTES)];
  const answer = Buffer.from(await workspace.repository.shell(READ, args, { sandboxPolicy: sandboxPolicy('read') }), 'base64');
  const firstLine = answer.indexOf('\n');
  const [word, ...rest] = answer.toString('latin1', 0, Math.max(firstLine, 0)).split(' ');
  const words = rest.join(' ');
  if (word === 'no' && words === ABSENT) return { settings: DEFAULT_REPOSITORY_SETTINGS };
  if (word !== 'ok') return unusable(word === 'no' ? `${words.charAt(0).toLowerCase()}${words.slice(1)} in its place` : 'Perl is missing where the agent lives');
  if (Number(rest[0]) > MAX_REPOSITORY_SETTINGS_BYTES) return unusable(`it is larger than ${MAX_REPOSITORY_SETTINGS_BYTES / 1024} KiB`);
  const bytes = answer.subarray(firstLine + 1);
  if (!isUtf8(bytes)) return unusable('it is not UTF-8');
  const text = bytes.toString('utf8');
  const parsed = parseRepositorySettings(text);
  return 'problem' in parsed ? { settings: DEFAULT_REPOSITORY_SETTINGS, ...parsed } : { ...parsed, text };
}

const unusable = (why: string): ReadSettings => ({ settings: DEFAULT_REPOSITORY_SETTINGS, problem: `${REPOSITORY_SETTINGS_FILE} is not used: ${why}.` });
