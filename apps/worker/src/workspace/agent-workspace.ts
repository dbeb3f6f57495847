import { BASE, LAST, LOOK_TREE, MAKE, PREPARE, WRITE_TREE } from '@codex-mcp/snapshots';
import { type CommandRunner, type Place, ShadowRepository } from './shadow-repository.js';
import { type Changes, diffNow, diffTrees, listChanges, MAX_DIFF_BYTES, type Trees } from './workspace-diff.js';

export type { Changes, Trees } from './workspace-diff.js';

const PREFIX = 'refs/codex-mcp';
const CHECKPOINTS = `${PREFIX}/checkpoints`;
const UNHELD = `${PREFIX}/unheld`;

/** Turns that changed something are remembered up to this number; older ones can no longer be compared. */
const REMEMBERED_TURNS = 500;

/** Git is asked only for a state that is another one. */
const REMEMBER_LAST = `last=; [ ! -f "$GIT_DIR/${LAST}" ] || read -r last < "$GIT_DIR/${LAST}"
[ "$last" = "$tree" ] || git update-ref ${LAST} "$tree"`;
const REMEMBER_BASE = `git rev-parse --quiet --verify ${BASE} >/dev/null || git update-ref ${BASE} "$tree"`;

/** Also where nothing has been kept yet. */
const LIST_CHECKPOINTS = `[ ! -f "$GIT_DIR/HEAD" ] || git for-each-ref --sort=-committerdate --format='%(refname:lstrip=3) %(committerdate:unix)' ${CHECKPOINTS}`;

const PRUNE_LIMIT_S = 60;

/**
 * Forgets objects that nothing refers to, a day after they were last written or found again. What the index of the
 * directory names is written only once, so it is referred to as well; where that cannot be told, nothing is forgotten.
 */
const PRUNE = `[ -e "$GIT_DIR/pruned" ] || : > "$GIT_DIR/pruned"
if [ -n "$(find "$GIT_DIR/pruned" -mtime +0)" ]; then
  : > "$GIT_DIR/pruned"
  if [ -e "$GIT_DIR/source-index" ]; then
    seen=$(GIT_INDEX_FILE="$GIT_DIR/source-index" git write-tree) && git update-ref ${PREFIX}/source "$seen" || exit 0
  fi
  timeout ${PRUNE_LIMIT_S} git prune --expire=1.day.ago || true
fi`;

/** $1 before, $2 after, $3 turn, $4 thread or nothing. States are commits, so that the oldest can be told and forgotten. */
const RECORD_TURN = `set -e
before=$(git commit-tree "$1" -m "before $3")
after=$(git commit-tree "$2" -m "after $3")
{
  printf 'update ${PREFIX}/%s %s\\n' "turns/$3/before" "$before" "turns/$3/after" "$after"
  if [ -n "$4" ]; then
    first="${PREFIX}/threads/$4/before"
    git rev-parse --quiet --verify "$first" >/dev/null || echo "update $first $before"
    echo "update ${PREFIX}/threads/$4/after $after"
  fi
} | git update-ref --stdin
git for-each-ref --sort=-committerdate --format='delete %(refname)' ${PREFIX}/turns | tail -n +${2 * REMEMBERED_TURNS + 1} | git update-ref --stdin
${PRUNE}`;

/** $1: the tree that a directory of ours becomes, whatever is in it. */
const RESET = 'set -e\nrm -f "$GIT_INDEX_FILE.lock"\ngit read-tree --reset -u "$1"';

/** $1 the tree that the workspace is, $2 the one to become. Fails, and changes nothing, where a file that is to change is not as in $1. Ignored files stay as they are. */
const CHANGE = 'set -e\nrm -f "$GIT_INDEX_FILE.lock"\ngit read-tree -m -u "$1" "$2"';

/** $1 from, $2 to, then pathspecs → the tree that is $1 where no path matches and $2 where one does. */
const MIX = `set -e
from=$1; to=$2; shift 2
export GIT_INDEX_FILE="$GIT_INDEX_FILE.mix"
git read-tree "$from"
git diff --binary --full-index --no-renames --no-color --no-ext-diff --no-textconv "$from" "$to" -- "$@" > "$GIT_DIR/mix.patch"
[ ! -s "$GIT_DIR/mix.patch" ] || git apply --cached --whitespace=nowarn "$GIT_DIR/mix.patch"
git write-tree
rm -f "$GIT_INDEX_FILE" "$GIT_DIR/mix.patch"`;

/** What was compared last with a workspace as it was then. */
type Compared = { last?: { key: string; trees: Trees; changes: Changes } };

/** An agent's workspace, and the states of it that codex-mcp keeps: as ids of git trees. */
export class AgentWorkspace {
  readonly repository: ShadowRepository;
  constructor(
    codex: CommandRunner,
    private readonly place: Place,
    /** `isBeside`: a turn may be at work in it, whose states are not touched: nothing that is taken is remembered. `cleaner`: removes what a look has left. */
    private readonly options: { isBeside?: boolean; cleaner?: ShadowRepository } = {},
    private readonly compared: Compared = {},
  ) {
    this.repository = new ShadowRepository(codex, place);
  }

  /** The same, over commands of somebody else's. */
  over(codex: CommandRunner): AgentWorkspace {
    return new AgentWorkspace(codex, this.place, { cleaner: this.repository, ...this.options }, this.compared);
  }

  /** What the workspace is now. */
  take(): Promise<string> {
    return this.repository.tree(this.taking);
  }

  /** Makes what states are kept in, where there is nothing yet. */
  async prepare(): Promise<void> {
    await this.repository.shell(this.options.isBeside ? MAKE : PREPARE, []);
  }

  /** What differs now from a checkpoint, or from the starting point; undefined where there is no such checkpoint. What was compared before is not compared again. */
  async changesNow(checkpoint: string | undefined, pathspecs: string[] = [], maxBytes = MAX_DIFF_BYTES): Promise<Changes | undefined> {
    const { from, changes } = await this.changesFrom(checkpoint === undefined ? BASE : `${CHECKPOINTS}/${checkpoint}`, pathspecs, maxBytes);
    return from === '' && checkpoint !== undefined ? undefined : changes;
  }

  /** What differs now from the state taken last: what the turn has changed so far that is at work. */
  async changesSinceLast(pathspecs: string[] = [], maxBytes = MAX_DIFF_BYTES): Promise<Changes> {
    return (await this.changesFrom(LAST, pathspecs, maxBytes)).changes;
  }

  private async changesFrom(ref: string, pathspecs: string[], maxBytes: number): Promise<{ from: string; changes: Changes }> {
    const key = JSON.stringify([pathspecs, maxBytes]);
    const last = this.compared.last?.key === key ? this.compared.last : undefined;
    const diff = (repository: ShadowRepository) => diffNow(repository, this.taking, ref, { pathspecs, maxBytes, last, isAsLast: !this.options.isBeside });
    const { trees, changes } = await (this.options.isBeside ? this.repository.withoutTrace(diff, this.options.cleaner ?? this.repository) : diff(this.repository));
    if (trees.from !== trees.to) this.compared.last = { key, trees, changes };
    return { from: trees.from, changes };
  }

  private get taking(): string {
    return this.options.isBeside ? LOOK_TREE : `${WRITE_TREE}${this.remember}`;
  }

  private get remember(): string {
    // Where a copy starts from is known only to whoever makes it.
    return this.place.source === undefined ? `${REMEMBER_LAST}\n${REMEMBER_BASE}` : REMEMBER_LAST;
  }

  /** The state taken last, over restarts; undefined before the first. */
  last(): Promise<string | undefined> {
    return this.repository.read(LAST);
  }

  /** The state before a turn that is to change nothing and that nothing keeps from it, until it is known to be so again; over restarts. */
  stateToKeep(): Promise<string | undefined> {
    return this.repository.read(UNHELD);
  }

  async keepState(tree: string | undefined): Promise<void> {
    await this.repository.git(tree === undefined ? ['update-ref', '-d', UNHELD] : ['update-ref', UNHELD, tree]);
  }

  /** What the agent's changes are counted from: the workspace as it was first seen, or the directory that it is a copy of. */
  async base(): Promise<string> {
    return (await this.startingPoint()) ?? this.take();
  }

  startingPoint(): Promise<string | undefined> {
    return this.repository.read(BASE);
  }

  async startFrom(tree: string): Promise<void> {
    await this.repository.git(['update-ref', BASE, tree]);
  }

  /** The states around a turn; undefined when it changed nothing, or is one of those forgotten. */
  turn(turnId: string): Promise<Trees | undefined> {
    return this.pair(`${PREFIX}/turns/${turnId}`);
  }

  /** The states before a thread's first change and after its last; undefined when it has changed nothing. */
  thread(threadId: string): Promise<Trees | undefined> {
    return this.pair(`${PREFIX}/threads/${threadId}`);
  }

  checkpoint(name: string): Promise<string | undefined> {
    return this.repository.read(`${CHECKPOINTS}/${name}`);
  }

  async saveCheckpoint(name: string, tree: string, turnId: string): Promise<void> {
    await this.repository.shell(`set -e\ngit update-ref "${CHECKPOINTS}/$1" "$(git commit-tree "$2" -m "$3")"`, [name, tree, turnId]);
  }

  /** The checkpoint that an earlier attempt of the turn has saved. */
  async checkpointOf(name: string, turnId: string): Promise<string | undefined> {
    const saved = await this.repository.shell(`git log -1 --format=%s "${CHECKPOINTS}/$1" 2>/dev/null || true`, [name]);
    return saved.trim() === turnId ? this.checkpoint(name) : undefined;
  }

  /** The newest first. */
  async checkpoints(): Promise<{ name: string; at: Date }[]> {
    const lines = await this.repository.shell(LIST_CHECKPOINTS, []);
    return lines.split('\n').flatMap((line) => {
      const [name, seconds] = line.split(' ');
      return name && seconds ? [{ name, at: new Date(Number(seconds) * 1000) }] : [];
    });
  }

  /** `threadId`: the conversation that it belongs to, if any. */
  async recordTurn(turn: { turnId: string; threadId?: string }, { from, to }: Trees): Promise<void> {
    if (from !== to) await this.repository.shell(RECORD_TURN, [from, to, turn.turnId, turn.threadId ?? '']);
  }

  /** What changed from one state to another, renames found; `pathspecs` leaves out what none of them matches. */
  async changes(trees: Trees, pathspecs: string[] = [], maxBytes = MAX_DIFF_BYTES): Promise<Changes> {
    if (trees.from === trees.to) return { diff: '', files: [], truncated: false };
    return diffTrees(this.repository, trees, pathspecs, maxBytes);
  }

  async countChanges(trees: Trees): Promise<number> {
    return trees.from === trees.to ? 0 : (await listChanges(this.repository, trees, [])).length;
  }

  /** Makes the workspace, which has just been taken as `from`, what it is in `to`, where one of `pathspecs` matches or, without any, everywhere. */
  async restore({ from, to }: Trees, pathspecs: string[] = []): Promise<void> {
    await this.become({ from, to: pathspecs.length === 0 ? to : await this.mix({ from, to }, pathspecs) });
  }

  /** Makes the workspace, which has just been taken as `from`, what it is in `to`; a file that somebody changed in between ends it. */
  async become({ from, to }: Trees): Promise<void> {
    await this.repository.shell(CHANGE, [from, to]);
  }

  /** Fills a directory that is ours alone. */
  async fill(tree: string): Promise<void> {
    await this.repository.shell(RESET, [tree]);
  }

  /** The tree that is `to` where a pathspec matches and `from` elsewhere. */
  async mix({ from, to }: Trees, pathspecs: string[]): Promise<string> {
    return (await this.repository.shell(MIX, [from, to, ...pathspecs])).trim();
  }

  private async pair(ref: string): Promise<Trees | undefined> {
    const [from, to] = await Promise.all([this.repository.read(`${ref}/before`), this.repository.read(`${ref}/after`)]);
    return from === undefined || to === undefined ? undefined : { from, to };
  }
}

/** Paths and globs as git understands them: a plain path means the file, or all below the directory. */
export const toPathspecs = (paths: readonly string[] = []): string[] => paths.map((path) => (/[*?[]/.test(path) ? `:(glob)${path}` : `:(literal)${path}`));
