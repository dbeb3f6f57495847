import { PREPARE } from '@codex-mcp/snapshots';

/**
 * $1 turn, $2 kind, $3 name. Finds the trees of a change in the user's repository and prints them, or what there is
 * instead; asked again for the same turn, it says the same. The user's git is asked only for places and for the ids of
 * refs: with its configuration, anything more could run what the repository names. Its index is copied, as what it
 * says of unchanged files is right where their attributes change the bytes (line ends, large files).
 */
export const FIND_CHANGE = `set -e
${PREPARE}
turn=$1; kind=$2; name=$3; kept="$GIT_DIR/change/$turn"
if [ -f "$kept" ]; then cat "$kept"; exit; fi
rm -rf "$GIT_DIR/change"; mkdir "$GIT_DIR/change"

of_user() { env -u GIT_INDEX_FILE -u GIT_WORK_TREE GIT_DIR="$PWD/.git" git "$@"; }
place() { of_user rev-parse --path-format=absolute --git-path "$1"; }
commit_of() {
  whole=$1; plain=\${1%%[~^]*}; id=
  if [ "$plain" = HEAD ]; then set -- HEAD; else set -- "refs/heads/$plain" "refs/remotes/$plain" "refs/remotes/origin/$plain" "refs/tags/$plain"; fi
  for ref; do id=$(of_user rev-parse --quiet --verify "$ref") && break; done
  case $plain in *[!0-9a-f]*) ;; *) id=\${id:-$plain} ;; esac
  [ -z "$id" ] || git rev-parse --quiet --verify "$id\${whole#"$plain"}^{commit}" || true
}
missing() {
  echo "missing $1"
  of_user for-each-ref --count=20 --format='branch %(refname:lstrip=2)' refs/heads refs/remotes
  [ -z "$head" ] || git rev-list --max-count=5 --no-commit-header --format='commit %h %s' "$head"
  exit 0
}
tree_now() {
  # Without the objects of the user: git would touch those that it writes again.
  unset GIT_ALTERNATE_OBJECT_DIRECTORIES
  export GIT_INDEX_FILE="$GIT_DIR/change/index"
  cp -p "$(place index)" "$GIT_INDEX_FILE" 2>/dev/null && git ls-files >/dev/null 2>&1 || rm -f "$GIT_INDEX_FILE"
  git -c core.excludesFile="$(place info/exclude)" add --all --ignore-errors . || [ $? -eq 1 ]
  git write-tree --missing-ok
}

objects=$(place objects 2>/dev/null) || { echo 'missing repository'; exit 0; }
export GIT_ALTERNATE_OBJECT_DIRECTORIES="\\"$objects\\"" GIT_SHALLOW_FILE="$(place shallow)"
head=$(commit_of HEAD)
from=$(git hash-object -t tree -w /dev/null); start=$head
case $kind in
uncommitted)
  [ -z "$head" ] || from=$(git rev-parse "$head^{tree}")
  to=$(tree_now) ;;
branch)
  base=$(commit_of "$name"); [ -n "$base" ] && [ -n "$head" ] || missing branch
  start=$(git merge-base "$base" "$head") || missing ancestor
  from=$(git rev-parse "$start^{tree}"); to=$(tree_now) ;;
commit)
  start=$(commit_of "$name"); [ -n "$start" ] || missing commit
  if grep -qsx "$start" "$GIT_SHALLOW_FILE"; then missing parent; fi
  to=$(git rev-parse "$start^{tree}")
  parent=$(git rev-parse --quiet --verify "$start^1^{tree}") && from=$parent ;;
esac
[ "$from" != "$to" ] || missing changes
printf '%s\\n' "from $from" "to $to" "start $start" "objects $objects" > "$kept.new"
mv "$kept.new" "$kept"
cat "$kept"`;

/** $1 from, $2 to, $3 turn → the path of a file with the whole diff. */
export const WRITE_DIFF = `set -e
file="$GIT_DIR/change/$3.diff"
git diff --no-color --no-ext-diff --no-textconv --find-renames "$1" "$2" > "$file"
echo "$file"`;

/** $1 from, $2 to, then pairs of a path and its former one → for each what it is in $2, its lines, and the hunks of its diff. */
export const SEE_IN_CHANGE = `from=$1; to=$2; shift 2
while [ $# -gt 0 ]; do
  kind=$(git cat-file -t "$to:$1" 2>/dev/null) || kind=none
  echo "file $kind"
  [ "$kind" != blob ] || echo "lines $(git cat-file blob "$to:$1" | grep -c '')"
  git diff --no-color --no-ext-diff --no-textconv --find-renames "$from" "$to" -- ":(literal)$1" ":(literal)$2" | grep '^@@ ' || true
  shift 2
done`;

/** Paths → for each what it is in the workspace, and its lines. */
export const SEE_IN_WORKSPACE = `for path; do
  if [ -f "./$path" ]; then echo 'file blob'; echo "lines $(grep -c '' "./$path")"; elif [ -e "./$path" ]; then echo 'file tree'; else echo 'file none'; fi
done`;
