import { createHash } from 'node:crypto';
import type { AppServerClient } from '@codex-mcp/codex';
import { AppError, type Workspace } from '@codex-mcp/contracts';

/** The first look at a large directory reads all of it. */
const GIT_TIMEOUT_MS = 300_000;
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** Nothing of the user's configuration, no hook, no filter, no helper runs in a command of ours. */
const SETTINGS: Record<string, string> = {
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  'core.quotePath': 'false',
  'core.autocrlf': 'false',
  'core.safecrlf': 'false',
  'core.attributesFile': '/dev/null',
  'core.looseCompression': '1',
  'gc.auto': '0',
  'safe.directory': '*',
};

const IDENTITY = { GIT_AUTHOR_NAME: 'codex-mcp', GIT_AUTHOR_EMAIL: 'agent@codex-mcp.invalid', GIT_COMMITTER_NAME: 'codex-mcp', GIT_COMMITTER_EMAIL: 'agent@codex-mcp.invalid' };

/** What a repository's own attributes say of line ends, encodings and filters would change the bytes that are kept. */
const ATTRIBUTES = '* -text !eol -ident -filter -working-tree-encoding';

/** Makes the repository, or clears away what a command that was killed has left in it. */
export const PREPARE = `[ -f "$GIT_DIR/HEAD" ] || env -u GIT_WORK_TREE git init -q --bare "$GIT_DIR"
rm -f "$GIT_INDEX_FILE.lock" "$GIT_DIR"/index.mix*
find "$GIT_DIR/refs" -name '*.lock' -delete
printf '%s\\n' '${ATTRIBUTES}' > "$GIT_DIR/info/attributes"
printf '/.codex-mcp-apply-*\\n' > "$GIT_DIR/info/exclude"`;

/**
 * Stages everything that the directory's ignore rules let through and prints the tree's id.
 * What git cannot stage, such as an unreadable file or a repository without a commit, is left out (exit code 1).
 */
const WRITE_TREE = `set -e
${PREPARE}
git add --all --ignore-errors . || [ $? -eq 1 ]
tree=$(git write-tree)
`;

/** What the user's repository tracks although its ignore rules name it is part of the directory; only the names in the user's index are believed. */
const ADD_TRACKED = `if [ -f .git/index ]; then
  GIT_INDEX_FILE=.git/index git ls-files -z --cached --ignored --exclude-standard 2>/dev/null | git update-index -z --add --remove --stdin 2>/dev/null || true
fi`;

/** Runs commands and writes files where the agent lives. */
export type CommandRunner = Pick<AppServerClient, 'exec' | 'writeFile'>;

/** `source`: where the host directory is that the workspace is a copy of. */
export type Place = { cwd: string; stateDir: string; workspace: Workspace; source?: string | undefined };

type RunOptions = { env?: Record<string, string>; outputBytesCap?: number; timeoutMs?: number; sandboxPolicy?: object | undefined };

/**
 * A git repository of codex-mcp's own beside the workspace, in which states of directories are kept as trees and
 * compared: the user's repository, its index and its branches are never touched, and a directory without git works as
 * well. Its commands run where the agent lives.
 */
export class ShadowRepository {
  private readonly gitDir: string;

  constructor(
    private readonly codex: CommandRunner,
    private readonly place: Place,
    /** Added to the environment of each command. */
    private readonly environment: Record<string, string> = {},
  ) {
    // Another workspace of the same agent has nothing to do with this one's states.
    const name = createHash('sha256').update(JSON.stringify(place.workspace)).digest('hex').slice(0, 12);
    this.gitDir = `${place.stateDir}/snapshots-${name}.git`;
  }

  /** The same repository, which also sees the objects in a directory of another one. */
  withObjects(directory: string): ShadowRepository {
    return new ShadowRepository(this.codex, this.place, { GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${directory}"` });
  }

  /** The id of the tree that the workspace is now; `remember` is a script that finds it in `$tree`. */
  async tree(remember = ''): Promise<string> {
    return (await this.shell(`${WRITE_TREE}${remember}\necho "$tree"`, [])).trim();
  }

  /** Makes the repository where there is none. */
  async prepare(): Promise<void> {
    await this.shell(PREPARE, []);
  }

  /** The id of the tree that the directory is now which the workspace is a copy of. */
  async sourceTree(): Promise<string> {
    const env = { GIT_WORK_TREE: this.place.source ?? this.place.cwd, GIT_INDEX_FILE: `${this.gitDir}/source-index` };
    return (await this.shell(`cd "$GIT_WORK_TREE"\n${PREPARE}\n${ADD_TRACKED}\n${WRITE_TREE}\necho "$tree"`, [], { env })).trim();
  }

  /** Puts what a script is to read into a file of the repository's own; returns its path. */
  async upload(content: Buffer): Promise<string> {
    await this.prepare();
    const path = `${this.gitDir}/upload`;
    await this.codex.writeFile(path, content);
    return path;
  }

  /** What a ref names; undefined where there is none. */
  async read(ref: string): Promise<string | undefined> {
    return (await this.shell('git rev-parse --quiet --verify "$1" || true', [ref])).trim() || undefined;
  }

  /** Runs git in the repository with the workspace as its work tree; throws where it fails. */
  git(args: string[], options: RunOptions = {}): Promise<string> {
    return this.run(['git', ...args], options);
  }

  /** Runs a script of sh with `args` as its positional parameters. */
  shell(script: string, args: string[], options: RunOptions = {}): Promise<string> {
    return this.run(['sh', '-c', script, 'sh', ...args], options);
  }

  private async run(command: string[], { env = {}, outputBytesCap = OUTPUT_BYTES, timeoutMs = GIT_TIMEOUT_MS, sandboxPolicy }: RunOptions): Promise<string> {
    const { exitCode, stdout, stderr } = await this.codex.exec(command, {
      cwd: this.place.cwd,
      timeoutMs,
      outputBytesCap,
      // Fixed commands of ours, so no sandbox, unless they follow paths that others choose.
      sandboxPolicy: sandboxPolicy ?? { type: 'dangerFullAccess' },
      env: { ...gitEnvironment(this.gitDir, this.place), ...this.environment, ...env },
    });
    if (exitCode === 0) return stdout;
    throw new AppError('turn_failed', 'The workspace could not be read by git.', { detail: stderr.slice(0, 2000) });
  }
}

function gitEnvironment(gitDir: string, { cwd, source }: Place): Record<string, string> {
  // Patterns only, which cannot run anything.
  const all = { ...SETTINGS, 'core.excludesFile': `${source ?? cwd}/.git/info/exclude` };
  const settings = Object.entries(all).flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${at}`, key],
    [`GIT_CONFIG_VALUE_${at}`, value],
  ]);
  return {
    GIT_DIR: gitDir,
    GIT_WORK_TREE: cwd,
    GIT_INDEX_FILE: `${gitDir}/index`,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    ...IDENTITY,
    GIT_CONFIG_COUNT: String(Object.keys(all).length),
    ...(Object.fromEntries(settings) as Record<string, string>),
  };
}
