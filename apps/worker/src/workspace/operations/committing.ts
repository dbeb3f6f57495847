import { AppError } from '@codex-mcp/contracts';
import { toPathspecs } from '../agent-workspace.js';
import { parseChanges } from '../changed-files.parser.js';
import { comparison } from './comparing.js';
import type { Operation } from './operation.js';
import { patchMail } from './patch-mail.js';

const MAX_PATCH_BYTES = 16 * 1024 * 1024;

/**
 * $1 message, $2 turn, then pathspecs. Runs in the workspace's own repository, whose configuration is the agent's to write:
 * only where a container holds it. A commit that an earlier attempt of this turn has made is found in the reflog.
 */
export const COMMIT = `message=$1 turn=$2; shift 2
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_SYSTEM
export GIT_CONFIG_COUNT=0 GIT_REFLOG_ACTION="codex-mcp $turn"
git() { command git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c commit.gpgSign=false -c gc.auto=0 -c safe.directory='*' "$@"; }
fail() { echo "no $*"; exit 0; }
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || fail "the workspace is no git repository"
case "$(git log -g -1 --format=%gs 2>/dev/null)" in
  "codex-mcp $turn"*) ;;
  *) said=$(git add --all -- "$@" 2>&1) || fail "$said"
     if git diff --cached --quiet --no-ext-diff -- "$@" 2>/dev/null; then fail "there is nothing to commit"; fi
     said=$(git commit --quiet --no-verify --no-gpg-sign -m "$message" -- "$@" 2>&1) || fail "$said";;
esac
echo "ok $(git rev-parse HEAD) $(git symbolic-ref --quiet --short HEAD)"
git diff-tree -r --root --no-commit-id --find-renames --raw --no-abbrev --numstat --no-ext-diff --no-textconv -z HEAD | base64`;

export const commit: Operation<'commit'> = async ({ request, session }, { message, paths, ...author }) => {
  if (session.placement.sandbox !== 'external') throw refusal('only agents in containers commit; this one has none, and what its repository’s configuration names would run outside of any sandbox. Take export_patch and commit yourself');
  const { name, email } = authorOf(author);
  const env = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email };
  const answer = await session.workspace.repository.shell(COMMIT, [message, request.turnId, ...toPathspecs(paths ?? ['.'])], { env });
  const [, id, branch, files = ''] = /^ok ([0-9a-f]+) (.*)\n([^]*)$/.exec(answer) ?? [];
  if (id === undefined) throw refusal(answer.replace(/^no /, '').trim().slice(0, 1000) || 'git failed');
  return { commit: id, ...(branch && { branch }), files: parseChanges(Buffer.from(files, 'base64')).map(({ file }) => file) };
};

export const exportPatch: Operation<'export_patch'> = async (context, { message, paths, author_name, author_email, ...asked }) => {
  const { compared, trees } = await comparison(context, asked, 'export_patch');
  const { diff, files, note } = await context.session.workspace.changes(trees, toPathspecs(paths), MAX_PATCH_BYTES);
  if (note !== undefined) throw new AppError('invalid_arguments', `export_patch: the patch would not be whole. ${note} Name the paths that are to be in it.`);
  const mail = { author: authorOf({ author_name, author_email }), date: new Date(), message, diff };
  return { patch: diff === '' ? '' : patchMail(mail), files, compared };
};

const refusal = (problem: string): AppError => new AppError('invalid_arguments', `commit: ${problem}.`);

export function authorOf({ author_name: name, author_email: email }: { author_name?: string | undefined; author_email?: string | undefined }): { name: string; email: string } {
  return { name: name ?? 'Codex agent', email: email ?? 'agent@codex-mcp.invalid' };
}
