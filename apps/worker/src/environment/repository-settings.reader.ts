import { isUtf8 } from 'node:buffer';
import { DEFAULT_REPOSITORY_SETTINGS, MAX_REPOSITORY_SETTINGS_BYTES, parseRepositorySettings, REPOSITORY_SETTINGS_FILE, type RepositorySettings } from '@codex-mcp/contracts';
import type { AgentSession } from '../agents/agent-session.js';
import { readWorkspaceText } from './workspace-text.reader.js';

export type ReadSettings = {
  /** The defaults, where there is no such file or it cannot be used. */
  settings: RepositorySettings;
  /** The file as it is, where there is one that can be used. */
  text?: string;
  /** Why the file that is there is not used. */
  problem?: string;
};

/** What the repository in the agent's workspace says of its environment. */
export async function readRepositorySettings(session: Pick<AgentSession, 'workspace' | 'sandboxPolicy'>): Promise<ReadSettings> {
  const found = await readWorkspaceText(session, REPOSITORY_SETTINGS_FILE, MAX_REPOSITORY_SETTINGS_BYTES);
  if (!found) return { settings: DEFAULT_REPOSITORY_SETTINGS };
  if ('problem' in found) return unusable(found.problem);
  if (found.size > MAX_REPOSITORY_SETTINGS_BYTES) return unusable(`it is larger than ${MAX_REPOSITORY_SETTINGS_BYTES / 1024} KiB`);
  if (!isUtf8(found.bytes)) return unusable('it is not UTF-8');
  const text = found.bytes.toString('utf8');
  const parsed = parseRepositorySettings(text);
  return 'problem' in parsed ? { settings: DEFAULT_REPOSITORY_SETTINGS, ...parsed } : { ...parsed, text };
}

const unusable = (why: string): ReadSettings => ({ settings: DEFAULT_REPOSITORY_SETTINGS, problem: `${REPOSITORY_SETTINGS_FILE} is not used: ${why}.` });
