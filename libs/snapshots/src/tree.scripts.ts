/** What a repository's own attributes say of line ends, encodings and filters would change the bytes that are kept. */
const ATTRIBUTES = '* -text !eol -ident -filter -working-tree-encoding';
/** Of what `put_files`, beside each file, and `apply`, at the top, leave behind for a moment. The first differs from that of former versions, as it says whether the rules are these. */
const OWN_FILES = ['.codex-mcp-put-*', '/.codex-mcp-apply-*'];

const INIT = `[ -f "$GIT_DIR/HEAD" ] || env -u GIT_WORK_TREE -u GIT_OBJECT_DIRECTORY git init -q --bare "$GIT_DIR"`;

/** What is there already is not written again: others may just read it. */
const RULES = `attributes=; [ ! -f "$GIT_DIR/info/attributes" ] || IFS= read -r attributes < "$GIT_DIR/info/attributes" || true
[ "$attributes" = '${ATTRIBUTES}' ] || printf '%s\\n' '${ATTRIBUTES}' > "$GIT_DIR/info/attributes"
exclude=; [ ! -f "$GIT_DIR/info/exclude" ] || IFS= read -r exclude < "$GIT_DIR/info/exclude" || true
[ "$exclude" = '${OWN_FILES[0]}' ] || printf '%s\\n' '${OWN_FILES.join("' '")}' > "$GIT_DIR/info/exclude"`;

/** Makes the repository where there is none. */
export const MAKE = `${INIT}
${RULES}`;

/** Longer than any look takes, whose commands share a directory of objects. */
const LOOK_MINUTES = 60;

/** Makes the repository, or clears away what a command that was killed has left in it. */
export const PREPARE = `${INIT}
for left in "$GIT_INDEX_FILE.lock" "$GIT_DIR"/index.mix*; do [ ! -e "$left" ] || rm -f "$left"; done
for left in "$GIT_DIR"/index.look.*; do
  looker=\${left##*index.look.}
  [ ! -e "$left" ] || kill -0 "\${looker%.lock}" 2>/dev/null || rm -f "$left"
done
for left in "$GIT_DIR"/objects.look.*; do [ ! -e "$left" ] || [ -z "$(find "$left" -prune -mmin +${LOOK_MINUTES})" ] || rm -rf "$left"; done
find "$GIT_DIR/refs" -name '*.lock' -delete
${RULES}`;

/**
 * Stages everything that the directory's ignore rules let through; the tree's id is in `$tree`.
 * What git cannot stage, such as an unreadable file or a repository without a commit, is left out (exit code 1).
 */
export const WRITE_TREE = `set -e
${PREPARE}
git add --all --ignore-errors . || [ $? -eq 1 ]
tree=$(git write-tree)
`;

/** What is created and deleted while it is staged ends git; somebody is at work there. */
const LOOKS = 5;

/**
 * The same beside somebody who is at work in the workspace and may take its state as well: with an index of its own, which
 * begins as the one there is, in one thread, and nothing is remembered. What is new is written into `$GIT_OBJECT_DIRECTORY`
 * where there is one.
 */
export const LOOK_TREE = `set -e
${MAKE}
[ -z "$GIT_OBJECT_DIRECTORY" ] || mkdir -p "$GIT_OBJECT_DIRECTORY"
tree=$(own=$GIT_DIR/index.look.$$
trap 'rm -f "$own" "$own.lock"' EXIT
[ ! -f "$GIT_INDEX_FILE" ] || cp -p "$GIT_INDEX_FILE" "$own"
export GIT_INDEX_FILE="$own"
looks=1
until git -c core.preloadIndex=false add --all --ignore-errors . || [ $? -eq 1 ]; do
  [ $looks -lt ${LOOKS} ] || exit 1
  looks=$((looks + 1))
done
git write-tree)
`;

/** What the user's repository tracks although its ignore rules name it is part of the directory; only the names in the user's index are believed. */
const ADD_TRACKED = `if [ -f .git/index ]; then
  GIT_INDEX_FILE=.git/index git ls-files -z --cached --ignored --exclude-standard 2>/dev/null | git update-index -z --add --remove --stdin 2>/dev/null || true
fi`;

/** Prints the tree that the directory is now which a workspace is a copy of. Its environment is `sourceEnvironment`'s. */
export const SOURCE_TREE = `cd "$GIT_WORK_TREE"
${PREPARE}
${ADD_TRACKED}
${WRITE_TREE}
echo "$tree"`;

/** Added to the environment of the repository for `SOURCE_TREE`: the directory has an index of its own. */
export const sourceEnvironment = (gitDir: string, source: string): Record<string, string> => ({ GIT_WORK_TREE: source, GIT_INDEX_FILE: `${gitDir}/source-index` });

/** The last state of the workspace that was looked at, and what the agent's changes are counted from. */
export const LAST = 'refs/codex-mcp/last';
export const BASE = 'refs/codex-mcp/base';

/**
 * The agent's own repository in its copy: the user's history by alternates, or an empty one where the directory is no
 * repository. $1 source; `$shadow` is the repository of ours, git's own variables are unset.
 */
export const CLONE_HISTORY = `if [ ! -e .git ]; then
  rm -rf .git-new
  git clone --quiet --shared --no-checkout -- "$1" .git-new 2>/dev/null || git init --quiet .git-new
  cp "$1/.git/info/exclude" .git-new/.git/info/exclude 2>/dev/null || true
  mv .git-new/.git .git && rmdir .git-new
fi`;

/** Puts it on a branch of its own, from where the user is. $2 branch. */
export const OWN_BRANCH = `if [ "$(git symbolic-ref --quiet HEAD)" != "refs/heads/$2" ]; then
  head=$(git rev-parse --quiet --verify HEAD || true)
  [ -z "$head" ] || git update-ref "refs/heads/$2" "$head"
  git symbolic-ref HEAD "refs/heads/$2"
fi`;

/** Remembers where the branch begins, and makes the index of the agent's own repository. */
export const BEGIN_BRANCH = `[ -s "$shadow/branch-start" ] || git rev-parse --quiet --verify HEAD > "$shadow/branch-start" || true
[ ! -s "$shadow/branch-start" ] || [ -e .git/index ] || git read-tree HEAD`;
