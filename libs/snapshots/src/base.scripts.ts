import { gitEnvironment } from './git-environment.js';
import { BASE, BEGIN_BRANCH, CLONE_HISTORY, LAST, OWN_BRANCH, SOURCE_TREE } from './tree.scripts.js';

/**
 * A base: what the copies of one directory begin with, made once and never changed. `tree` holds the files, `objects`
 * their contents, `shadow.git` the repository of ours as it is right after a copy was made, with its indexes.
 */
const TREE = 'tree';

/** The environment of the scripts below but `ADOPT_BASE`, which has the agent's own. */
export const baseEnvironment = (base: string, source: string): Record<string, string> => ({
  ...gitEnvironment(`${base}/shadow.git`, { cwd: `${base}/${TREE}`, source }),
  GIT_OBJECT_DIRECTORY: `${base}/objects`,
});

/** The directory of a base that workspaces are laid over. */
export const baseTree = (base: string): string => `${base}/${TREE}`;

/** $1 base, an empty directory; $2 source. */
export const MAKE_BASE = `set -e
base=$1 source=$2 shadow=$GIT_DIR
mkdir -p "$GIT_OBJECT_DIRECTORY" "$base/${TREE}"
tree=$(export GIT_WORK_TREE="$source" GIT_INDEX_FILE="$GIT_DIR/source-index"
${SOURCE_TREE})
cd "$base/${TREE}"
git read-tree --reset -u "$tree"
git update-ref ${BASE} "$tree"
git update-ref ${LAST} "$tree"
rm -rf "$shadow/hooks"
mkdir -p "$shadow/objects/info"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
set -- "$source"
${CLONE_HISTORY}
${BEGIN_BRANCH}
git update-index -q --refresh || true`;

/** A base that so many files differ from is of little use to a new copy. */
const DRIFTED_FILES = 500;
/** How `CHECK_BASE` ends then. */
export const DRIFTED_EXIT_CODE = 3;

/** $1 source: whether the directory is still about what the base is. */
export const CHECK_BASE = `cd "$1" || exit 0
export GIT_WORK_TREE="$1" GIT_INDEX_FILE="$GIT_DIR/source-index"
differing=$( { git diff-files --name-only; git ls-files --others --exclude-standard; } | head -n ${DRIFTED_FILES} | wc -l)
[ "$differing" -lt ${DRIFTED_FILES} ] || exit ${DRIFTED_EXIT_CODE}`;

/**
 * $1 base, $2 source, $3 branch → the tree of the base. Makes the repository of ours for a workspace that was laid over a
 * base just now. The copy of the one index is younger than the files, which nobody has touched since they were listed; the
 * other one keeps its time, which is how git finds edits that came right after it was written.
 */
export const ADOPT_BASE = `set -e
base=$1 source=$2 branch=$3 shadow=$GIT_DIR new=$GIT_DIR.new
( unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  set -- "$source" "$branch"
  ${OWN_BRANCH} )
mkdir -p "\${shadow%/*}"
rm -rf "$new" "$shadow"
cp -R "$base/shadow.git" "$new"
cp -p "$base/shadow.git/source-index" "$new/source-index"
{ echo "$base/objects"; [ ! -d "$source/.git/objects" ] || echo "$source/.git/objects"; } > "$new/objects/info/alternates"
mv "$new" "$shadow"
git rev-parse ${BASE}`;
