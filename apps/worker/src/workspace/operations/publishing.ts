import { AppError, PullRequestWish } from '@codex-mcp/contracts';
import { toPathspecs } from '../agent-workspace.js';
import { GIT_ROUTE } from './cloning.js';
import { authorOf, COMMIT } from './committing.js';
import type { Operation, OperationContext } from './operation.js';

const PUSH_TIMEOUT_MS = 15 * 60_000;
const MAX_WORDS_CHARACTERS = 1000;

/** $1 the directory that the workspace is a copy of, or nothing → where its repository comes from. Only that line of the configuration is read. */
const ORIGIN = `git config --file "\${1:-.}/.git/config" --no-includes --get remote.origin.url || true`;

/** $1 URL, $2 branch → \`ok <commit>\`, or the words of git. Nothing that the repository's configuration names is run. */
const PUSH = `url=$1 branch=$2
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_SYSTEM
export GIT_CONFIG_COUNT=0
if words=$(git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0 -c push.gpgSign=false -c push.followTags=false -c credential.helper= -c safe.directory='*' -c url.${GIT_ROUTE}.insteadOf=https:// push --no-verify --no-recurse-submodules -- "$url" "HEAD:refs/heads/$branch" 2>&1)
then printf 'ok %s' "$(git rev-parse HEAD)"
else printf '%s' "$words"
fi`;

type Repository = { host: string; repository: string };

export const createPullRequest: Operation<'create_pull_request'> = async (context, { title, body = '', base, draft = false, url, paths, ...given }) => {
  const { session, request } = context;
  if (session.placement.sandbox !== 'external') throw refusal('only agents in containers reach the gateway’s git. Take export_patch and push yourself');
  const branch = given.branch ?? `codex/${request.agent.agentId}`;
  if (base === branch) throw refusal(`"${base}" cannot be merged into itself; give another branch`);
  const { host, repository } = repositoryOf(url ?? (await session.workspace.repository.shell(ORIGIN, [session.placement.source ?? ''])).trim());
  await commitAll(context, body === '' ? title : `${title}\n\n${body}`, paths, given);
  const repositoryUrl = `https://${host}${repository}`;
  const said = await session.workspace.repository.shell(PUSH, [repositoryUrl, branch], { timeoutMs: PUSH_TIMEOUT_MS });
  const [, commit] = /^ok ([0-9a-f]{40,64})$/.exec(said) ?? [];
  if (commit === undefined) throw refusal(`the branch could not be pushed: ${said.slice(-MAX_WORDS_CHARACTERS)}`);
  const wish = PullRequestWish.parse({ host, repository, branch, base, title, body, draft });
  const { compareUrl, ...opened } = await session.openPullRequest(wish);
  return { repository: repositoryUrl, branch, commit, ...opened, ...(compareUrl !== undefined && { compare_url: compareUrl }) };
};

/** Where there is nothing to commit, what is there already is pushed. */
async function commitAll({ session, request }: OperationContext, message: string, paths: string[] | undefined, author: Parameters<typeof authorOf>[0]): Promise<void> {
  const { name, email } = authorOf(author);
  const env = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email };
  const answer = await session.workspace.repository.shell(COMMIT, [message, request.turnId, ...toPathspecs(paths ?? ['.'])], { env });
  if (!answer.startsWith('ok ') && !answer.includes('there is nothing to commit')) throw refusal(answer.replace(/^no /, '').trim().slice(0, MAX_WORDS_CHARACTERS) || 'git failed');
}

/** Also as git writes it for SSH: git@host:path and ssh://git@host/path. */
function repositoryOf(url: string): Repository {
  const [, host, path] = /^https:\/\/(?:[^@/]*@)?([^/]+)(\/.+)$/.exec(url) ?? /^ssh:\/\/(?:[^@/]*@)?([^/:]+)(?::\d+)?(\/.+)$/.exec(url) ?? /^(?:[\w.-]+@)([\w.-]+):(?!\/\/)(.+)$/.exec(url) ?? [];
  const parsed = PullRequestWish.pick({ host: true, repository: true }).safeParse({ host: host?.toLowerCase(), repository: path && `/${path.replace(/^\/+|\/+$/g, '')}` });
  if (parsed.success) return parsed.data;
  throw refusal(url === '' ? 'the repository has no origin; name the repository with url' : 'the repository’s origin is none at a host; name the repository with url');
}

const refusal = (problem: string): AppError => new AppError('invalid_arguments', `create_pull_request: ${problem}.`);
