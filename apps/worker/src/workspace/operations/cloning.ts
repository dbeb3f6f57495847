import { AppError, CONTAINER_GATEWAY_URL } from '@codex-mcp/contracts';
import { type OperationContext, recorded } from './operation.js';

/** Git's words where an answer ends in the middle, which the gateway can then say nothing in. */
const CUT_OFF = /early EOF|unexpected disconnect|RPC failed|hung up unexpectedly/;
const TOO_LARGE = ' The connection ended in the middle: the repository may be larger than the server’s GIT_MAX_BYTES, or take longer than its GIT_TIMEOUT. A depth makes it smaller.';
const CLONE_TIMEOUT_MS = 15 * 60_000;
/** Where agents' git finds all hosts. */
export const GIT_ROUTE = CONTAINER_GATEWAY_URL.replace(/\/v1$/, '/git/');

/** $1 tree → `other` where the directory has files that the tree does not, such as ignored ones. */
const LOOK = `set -e
[ "$(find . -path ./.git -prune -o ! -type d -print | wc -l)" -eq "$(git ls-tree -r -z "$1" | tr -cd '\\0' | wc -c)" ] || echo other`;

/**
 * $1 turn, $2 URL, $3 branch or nothing, $4 depth or nothing → the words of git where it fails. The clone is made
 * beside the files and remembered when it is whole, so that a worker that takes the turn over goes on from there.
 */
const CLONE = `set -e
opening="$GIT_DIR/opening"; turn=$1 url=$2 branch=$3 depth=$4
case $(cat "$opening" 2>/dev/null || true) in "$turn "*) exit 0 ;; esac
new=$(mktemp -d .codex-mcp-open.XXXXXX)
set -- --quiet
[ -z "$branch" ] || set -- "$@" --branch "$branch"
[ -z "$depth" ] || set -- "$@" --depth "$depth"
if words=$(env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE git -c url.${GIT_ROUTE}.insteadOf=https:// clone "$@" -- "$url" "$new" 2>&1); then
  rm -f "$opening.moving"
  echo "$turn $new" > "$opening"
else
  rm -rf "$new"
  printf '%s\\n' "$words"
fi`;

/** Puts the clone in the place of all that is there. The second file tells that the old files are gone and new ones may be there. */
const TAKE_PLACE = `set -e
read -r turn new < "$GIT_DIR/opening"
if [ -d "$new" ]; then
  if [ ! -e "$GIT_DIR/opening.moving" ]; then
    find . -mindepth 1 -maxdepth 1 ! -name "$new" -exec rm -rf {} +
    : > "$GIT_DIR/opening.moving"
  fi
  find "$new" -mindepth 1 -maxdepth 1 -exec mv -f {} . \\;
  rmdir "$new"
fi
env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE git rev-parse HEAD
env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE git symbolic-ref --short --quiet HEAD || true`;

const DONE = 'rm -f "$GIT_DIR/opening" "$GIT_DIR/opening.moving"';

export type Wanted = { url: string; branch?: string | undefined; depth?: number | undefined; discard?: boolean | undefined };
export type Cloned = { url: string; commit: string; branch?: string | undefined };

/**
 * Has the agent's own workspace become a clone, which is then its starting point. What was there is kept as the
 * checkpoint `before-open`, but for what the ignore rules name. Throws where there is something to lose and `discard` is not given.
 */
export async function cloneInto(context: OperationContext, { url, branch, depth, discard = false }: Wanted): Promise<Cloned> {
  const { workspace, placement } = context.session;
  const { turnId } = context.request;
  if (placement.workspace.kind !== 'volume') throw new AppError('invalid_arguments', 'open_workspace: the agent works on a directory of the server, which no clone can replace. Give workspace: own in a call before, or another agent_id, which has a workspace of its own.');
  if (placement.sandbox !== 'external') throw new AppError('invalid_arguments', 'open_workspace: cloning needs agents in containers, as only they reach the gateway’s git. Name a directory with workspace.');
  if (!discard && !(await isBegun(context)) && (await hasSomething(context))) {
    throw new AppError('invalid_arguments', 'open_workspace: the agent’s workspace has changes or files of its own. Look at them with get_diff and list_files, then give discard: true; the state before is kept as the checkpoint before-open.');
  }
  return recorded(context, async () => {
    if (!(await isBegun(context))) await workspace.saveCheckpoint('before-open', await workspace.take(), context.request.turnId);
    const words = (await workspace.repository.shell(CLONE, [turnId, url, branch ?? '', depth === undefined ? '' : String(depth)], { timeoutMs: CLONE_TIMEOUT_MS })).trim();
    if (words !== '') throw new AppError('turn_failed', `The repository could not be cloned: ${words.slice(-1000)}${CUT_OFF.test(words) ? TOO_LARGE : ''}`);
    const [commit = '', head = ''] = (await workspace.repository.shell(TAKE_PLACE, [])).trim().split('\n');
    await workspace.startFrom(await workspace.take());
    await workspace.repository.shell(DONE, []);
    return { url, commit, ...(head !== '' && { branch: head }) };
  });
}

/** Whether an earlier worker has brought the clone for this turn. */
async function isBegun({ request, session }: OperationContext): Promise<boolean> {
  const opening = await session.workspace.repository.shell('cat "$GIT_DIR/opening" 2>/dev/null || true', []);
  return opening.startsWith(`${request.turnId} `);
}

async function hasSomething({ session: { workspace } }: OperationContext): Promise<boolean> {
  const [base, now] = [await workspace.base(), await workspace.take()];
  return base !== now || (await workspace.repository.shell(LOOK, [now])).trim() !== '';
}
