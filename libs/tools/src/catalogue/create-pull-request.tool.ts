import { BranchName, PullRequestBody, PullRequestTitle } from '@codex-mcp/contracts';
import { z } from 'zod';
import { paths } from '../arguments/argument.schema.js';
import { author } from '../arguments/author.schema.js';
import { code, lines } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';
import { REPOSITORY_URL } from './open-workspace.tool.js';

export const createPullRequest = defineWorkspaceTool({
  name: 'create_pull_request',
  title: 'Create a pull request',
  description:
    "Commits what is not committed yet in the agent's workspace, pushes it as a branch to the repository's host and opens a pull request there (GitHub, GitLab, Gitea), with the server's credentials. Where the server has none for the host's API, the branch is pushed and the result says where to open one. Only for agents in containers, and where the operator allows it (GIT_HOSTS, GIT_PUSH, GIT_FORGES).",
  access: 'write',
  arguments: {
    title: PullRequestTitle.describe('Of the pull request, and of the commit'),
    body: PullRequestBody.describe('Its description').optional(),
    branch: BranchName.describe('The branch to push. Default: codex/<agent_id>').optional(),
    base: BranchName.describe('The branch to merge into. Default: the repository’s default branch').optional(),
    draft: z.boolean().describe('Default: false').optional(),
    url: z.string().refine((url) => REPOSITORY_URL.test(url), 'must be such as https://github.com/user/project').describe('The repository. Default: where the workspace, or the directory that it is a copy of, has its origin').optional(),
    paths: paths('Commit only these').optional(),
    ...author,
  },
  output: {
    repository: z.string(),
    branch: z.string().describe('As it was pushed'),
    commit: z.string().describe('What was pushed'),
    url: z.string().optional().describe('The pull request; absent where none could be opened'),
    number: z.int().optional(),
    created: z.boolean().optional().describe('false: one was open for the branch already'),
    base: z.string().optional(),
    compare_url: z.string().optional().describe('Where a person opens one'),
    problem: z.string().optional().describe('Why no pull request was opened'),
  },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  render: ({ repository, branch, commit, url, created, compare_url: compareUrl, problem }) =>
    lines(
      `Pushed ${code(commit.slice(0, 12))} as ${code(branch)} to ${repository}.`,
      url === undefined ? `No pull request was opened: ${problem ?? 'the host said nothing'}` : `${created === false ? 'The pull request was open already' : 'Opened the pull request'}: ${url}`,
      compareUrl && `Open one at ${compareUrl}`,
    ),
});
