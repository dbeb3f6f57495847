import { AppError } from '@codex-mcp/contracts';
import { ADOPT_BASE, BEGIN_BRANCH, CLONE_HISTORY, OWN_BRANCH } from '@codex-mcp/snapshots';
import type { AgentWorkspace, Trees } from './agent-workspace.js';
import type { ShadowRepository } from './shadow-repository.js';

/** The user's objects are also found from ours. $1 source, $2 branch. */
const MAKE_REPOSITORY = `set -e
shadow=$GIT_DIR
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
${CLONE_HISTORY}
${OWN_BRANCH}
[ ! -d "$1/.git/objects" ] || printf '%s\\n' "$1/.git/objects" > "$shadow/objects/info/alternates"
${BEGIN_BRANCH}`;

/** The branch goes along with the user's while the agent has committed nothing to it. $1 source. */
const FOLLOW_HEAD = `shadow=$GIT_DIR
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
start=$(cat "$shadow/branch-start" 2>/dev/null)
theirs=$(git --git-dir="$1/.git" rev-parse --quiet --verify HEAD 2>/dev/null || true)
[ -n "$theirs" ] && [ "$theirs" != "$start" ] || exit 0
[ "$(git rev-parse --quiet --verify HEAD || true)" = "$start" ] || exit 0
git cat-file -e "$theirs" 2>/dev/null || exit 0
git update-ref HEAD "$theirs" && { git read-tree -m HEAD 2>/dev/null || git read-tree HEAD; } && echo "$theirs" > "$shadow/branch-start"
exit 0`;

/** $1 base, $2 theirs, $3 ours → the merged tree; exit code 1 with the conflicts' paths after it. */
const MERGE = `base=$(git commit-tree "$1" -m base) || exit 2
theirs=$(git commit-tree "$2" -p "$base" -m theirs) || exit 2
ours=$(git commit-tree "$3" -p "$base" -m ours) || exit 2
git merge-tree --write-tree --name-only --no-messages "$theirs" "$ours"
[ $? -le 1 ]`;

export type Merge = { tree: string; conflicts: string[] };

/** A workspace that is a copy of a host directory, which others go on to edit. */
export class IsolatedCopy {
  private readonly repository: ShadowRepository;

  constructor(
    private readonly workspace: AgentWorkspace,
    readonly source: string,
    private readonly branch: string,
    /** What the workspace was laid over, if it was; such a one has its files already. */
    private readonly laidOver?: string,
  ) {
    this.repository = workspace.repository;
  }

  /**
   * Makes the copy, or brings what was edited in the directory since then into it. Where both sides changed the same
   * lines the copy stays as it is; `apply` names the conflict. Returns what is worth telling.
   */
  async refresh(): Promise<string | undefined> {
    const known = await this.workspace.startingPoint();
    const base = known ?? (await this.adoptBase());
    const theirs = await this.repository.sourceTree();
    if (base === undefined) {
      await this.repository.shell(MAKE_REPOSITORY, [this.source, this.branch]);
      await this.workspace.fill(theirs);
      await this.workspace.startFrom(theirs);
      return undefined;
    }
    const conflicts = base === theirs ? [] : await this.follow({ from: base, to: theirs });
    if (conflicts.length > 0) return `The directory and the agent's copy of it have both changed ${conflicts.join(', ')}; the agent goes on with its own`;
    if (base !== theirs || known === undefined) await this.repository.shell(FOLLOW_HEAD, [this.source]);
    return base === theirs || known === undefined ? undefined : 'Took over what was changed in the directory';
  }

  /** The trees of the directory now and as it is with the agent's changes, or only those that the pathspecs name. Throws `apply_conflict`. */
  async applied(pathspecs: string[]): Promise<Trees> {
    const theirs = await this.repository.sourceTree();
    const base = await this.workspace.base();
    const now = await this.workspace.take();
    const ours = pathspecs.length === 0 ? now : await this.workspace.mix({ from: base, to: now }, pathspecs);
    const { tree, conflicts } = await this.merge({ from: base, to: theirs }, ours);
    if (conflicts.length === 0) return { from: theirs, to: tree };
    const { diff } = await this.workspace.changes({ from: theirs, to: tree }, conflicts.map((path) => `:(literal)${path}`));
    throw new AppError('apply_conflict', `Nothing was applied: the directory and the agent's copy have both changed ${conflicts.join(', ')}. Ask the agent to redo its change on the directory as it is now (discard with these paths, then a new call), or apply the other files with \`paths\`.`, { detail: diff });
  }

  /** Brings what has changed in the directory into the copy, unless that conflicts. */
  private async follow({ from, to }: Trees): Promise<string[]> {
    const ours = await this.workspace.take();
    const { tree, conflicts } = await this.merge({ from, to }, ours);
    if (conflicts.length > 0) return conflicts;
    await this.workspace.become({ from: ours, to: tree });
    await this.workspace.startFrom(to);
    return [];
  }

  private async adoptBase(): Promise<string | undefined> {
    return this.laidOver === undefined ? undefined : (await this.repository.shell(ADOPT_BASE, [this.laidOver, this.source, this.branch])).trim();
  }

  private async merge({ from: base, to: theirs }: Trees, ours: string): Promise<Merge> {
    if (ours === base || ours === theirs) return { tree: theirs, conflicts: [] };
    const [tree = '', ...conflicts] = (await this.repository.shell(MERGE, [base, theirs, ours])).split('\n').filter((line) => line !== '');
    return { tree, conflicts: [...new Set(conflicts)] };
  }
}
