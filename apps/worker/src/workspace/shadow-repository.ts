import { createHash, randomUUID } from 'node:crypto';
import type { AppServerClient } from '@codex-mcp/codex';
import { AppError, type Workspace } from '@codex-mcp/contracts';
import { gitEnvironment, PREPARE, SOURCE_TREE, sourceEnvironment } from '@codex-mcp/snapshots';

/** The first look at a large directory reads all of it. */
const GIT_TIMEOUT_MS = 300_000;
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs commands and writes files where the agent lives. */
export type CommandRunner = Pick<AppServerClient, 'exec' | 'writeFile'>;

/** `source`: where the host directory is that the workspace is a copy of; `base`: what it was laid over, if it was. */
export type Place = { cwd: string; stateDir: string; workspace: Workspace; source?: string | undefined; base?: string | undefined };

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

  /** What `work` does with the same repository, whose new objects go into a directory of their own. `cleaner` removes it, also where no more commands may be run with this one. */
  async withoutTrace<Result>(work: (repository: ShadowRepository) => Promise<Result>, cleaner: ShadowRepository): Promise<Result> {
    const directory = `${this.gitDir}/objects.look.${randomUUID()}`;
    const environment = { GIT_OBJECT_DIRECTORY: directory, GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${this.gitDir}/objects"` };
    try {
      return await work(new ShadowRepository(this.codex, this.place, environment));
    } finally {
      await cleaner.shell('rm -rf "$1"', [directory]).catch(() => undefined); // what is left is swept
    }
  }

  /** The id of the tree that a script leaves in `$tree`. */
  async tree(take: string): Promise<string> {
    return (await this.shell(`${take}\necho "$tree"`, [])).trim();
  }

  /** Makes the repository where there is none. */
  async prepare(): Promise<void> {
    await this.shell(PREPARE, []);
  }

  /** The id of the tree that the directory is now which the workspace is a copy of. */
  async sourceTree(): Promise<string> {
    return (await this.shell(SOURCE_TREE, [], { env: sourceEnvironment(this.gitDir, this.place.source ?? this.place.cwd) })).trim();
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
