import type { PullRequestWish } from '@codex-mcp/contracts';
import { z } from 'zod';
import type { ForgeKind } from './forges.js';

export type Call = { method: 'GET' | 'POST'; path: string; body?: object };
export type Opened = { url: string; number: number };

/** What a kind of forge is asked for, and how its answers are read. Paths are below the origin of its API. */
export type ForgeApi = {
  origin: (host: { name: string; origin: string }) => string;
  /** A person opens a pull request there. */
  compareUrl: (origin: string, wish: PullRequestWish, base: string | undefined) => string | undefined;
  defaultBranch: (project: string) => Call;
  listOpen: (project: string, wish: PullRequestWish) => Call;
  /** The open one of the branch. */
  findOpen: (answer: unknown, wish: PullRequestWish) => Opened | undefined;
  create: (project: string, wish: PullRequestWish, base: string) => Call;
  created: (answer: unknown) => Opened;
};

export const DefaultBranch = z.looseObject({ default_branch: z.string() });

const Pull = z.looseObject({ html_url: z.string(), number: z.int(), head: z.looseObject({ ref: z.string() }).optional() });
const MergeRequest = z.looseObject({ web_url: z.string(), iid: z.int() });

const pull = ({ html_url: url, number }: z.infer<typeof Pull>): Opened => ({ url, number });
const mergeRequest = ({ web_url: url, iid: number }: z.infer<typeof MergeRequest>): Opened => ({ url, number });
const encoded = encodeURIComponent;

const github: ForgeApi = {
  origin: ({ name, origin }) => (name === 'github.com' ? 'https://api.github.com' : `${origin}/api/v3`),
  compareUrl: (origin, { repository, branch }, base) => `${origin}${projectOf(repository)}/compare/${base === undefined ? '' : `${base}...`}${branch}?expand=1`,
  defaultBranch: (project) => ({ method: 'GET', path: `/repos${project}` }),
  listOpen: (project, { branch }) => ({ method: 'GET', path: `/repos${project}/pulls?state=open&head=${encoded(`${project.split('/')[1] ?? ''}:${branch}`)}` }),
  findOpen: (answer, { branch }) => z.array(Pull).parse(answer).filter(({ head }) => head?.ref === branch).map(pull)[0],
  create: (project, { branch, title, body, draft }, base) => ({ method: 'POST', path: `/repos${project}/pulls`, body: { title, body, head: branch, base, ...(draft && { draft }) } }),
  created: (answer) => pull(Pull.parse(answer)),
};

const gitlab: ForgeApi = {
  origin: ({ origin }) => `${origin}/api/v4`,
  compareUrl: (origin, { repository, branch }) => `${origin}${projectOf(repository)}/-/merge_requests/new?merge_request%5Bsource_branch%5D=${encoded(branch)}`,
  defaultBranch: (project) => ({ method: 'GET', path: `/projects/${encoded(project.slice(1))}` }),
  listOpen: (project, { branch }) => ({ method: 'GET', path: `/projects/${encoded(project.slice(1))}/merge_requests?state=opened&source_branch=${encoded(branch)}` }),
  findOpen: (answer) => z.array(MergeRequest).parse(answer).map(mergeRequest)[0],
  create: (project, { branch, title, body, draft }, base) => ({ method: 'POST', path: `/projects/${encoded(project.slice(1))}/merge_requests`, body: { source_branch: branch, target_branch: base, title: `${draft ? 'Draft: ' : ''}${title}`, description: body } }),
  created: (answer) => mergeRequest(MergeRequest.parse(answer)),
};

const gitea: ForgeApi = {
  origin: ({ origin }) => `${origin}/api/v1`,
  compareUrl: (origin, { repository, branch }, base) => (base === undefined ? undefined : `${origin}${projectOf(repository)}/compare/${base}...${branch}`),
  defaultBranch: github.defaultBranch,
  listOpen: (project) => ({ method: 'GET', path: `/repos${project}/pulls?state=open&limit=50` }),
  findOpen: github.findOpen,
  create: (project, { branch, title, body, draft }, base) => ({ method: 'POST', path: `/repos${project}/pulls`, body: { title: `${draft ? 'WIP: ' : ''}${title}`, body, head: branch, base } }),
  created: github.created,
};

export const FORGE_APIS: Record<ForgeKind, ForgeApi> = { github, gitlab, gitea };

/** `/owner/project`. */
export const projectOf = (repository: string): string => repository.replace(/\.git$/, '');
