import type { AppServerClient } from '@codex-mcp/codex';
import { AppError } from '@codex-mcp/contracts';
import { parseChangedFiles, type ChangedFile } from './changed-files.parser.js';

/** A diff beyond this is cut; the files are all listed. */
const MAX_DIFF_BYTES = 1024 * 1024;
const GIT_TIMEOUT_MS = 60_000;

const OPTIONS = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'core.quotePath=false', '-c', 'core.safecrlf=false'];

const LAST = 'refs/codex-mcp/last';

/**
 * Stages everything that the workspace's ignore rules let through, remembers the tree and prints its id.
 * What git cannot stage, such as an unreadable file or a repository without a commit, is left out (exit code 1).
 */
const WRITE_TREE = `set -e
[ -f "$GIT_DIR/HEAD" ] || env -u GIT_WORK_TREE git init -q --bare "$GIT_DIR"
rm -f "$GIT_DIR/index.lock"
git ${OPTIONS.join(' ')} add --all --ignore-errors . || [ $? -eq 1 ]
tree=$(git write-tree)
git update-ref ${LAST} "$tree"
echo "$tree"`;

export type Changes = { diff: string; files: ChangedFile[]; truncated: boolean };

export type Place = { cwd: string; stateDir: string; sandbox: 'external' | 'codex' };

/**
 * The workspace's state as a git tree in a repository of codex-mcp's own, beside the workspace: the user's
 * repository, its index and its branches are never touched, and a directory without git works as well.
 */
export class WorkspaceSnapshots {
  constructor(
    private readonly codex: AppServerClient,
    private readonly place: Place,
  ) {}

  /** Id of the tree that the workspace is now. */
  async take(): Promise<string> {
    return (await this.run(['sh', '-c', WRITE_TREE])).trim();
  }

  /** The tree taken last, over restarts; undefined before the first. */
  async last(): Promise<string | undefined> {
    return (await this.run(['sh', '-c', `git rev-parse --quiet --verify ${LAST} || true`])).trim() || undefined;
  }

  /** What changed from one tree to another, renames found. */
  async changes(before: string, after: string): Promise<Changes> {
    if (before === after) return { diff: '', files: [], truncated: false };
    const diff = ['git', ...OPTIONS, 'diff', '--no-color', '--no-ext-diff', '--no-textconv', '--find-renames'];
    const [files, text] = await Promise.all([
      this.run([...diff, '--raw', '--numstat', '-z', before, after]),
      this.run([...diff, '--binary', before, after], MAX_DIFF_BYTES + 1),
    ]);
    const truncated = Buffer.byteLength(text) > MAX_DIFF_BYTES;
    return { diff: truncated ? text.slice(0, text.lastIndexOf('\n', MAX_DIFF_BYTES) + 1) : text, files: parseChangedFiles(files), truncated };
  }

  private async run(command: string[], outputBytesCap = 64 * 1024 * 1024): Promise<string> {
    const { exitCode, stdout, stderr } = await this.codex.exec(command, {
      cwd: this.place.cwd,
      timeoutMs: GIT_TIMEOUT_MS,
      outputBytesCap,
      // Fixed commands of ours, so no sandbox; nothing of the user's git configuration may run in them.
      sandboxPolicy: { type: 'dangerFullAccess' },
      env: { GIT_DIR: `${this.place.stateDir}/snapshots.git`, GIT_WORK_TREE: this.place.cwd, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    });
    if (exitCode === 0) return stdout;
    throw new AppError('turn_failed', 'The workspace’s changes could not be read.', { detail: stderr.slice(0, 2000) });
  }
}
