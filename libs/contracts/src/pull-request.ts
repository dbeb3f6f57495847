import { z } from 'zod';

const MAX_TITLE_CHARACTERS = 200;
const MAX_BODY_CHARACTERS = 20_000;

export const PullRequestTitle = z.string().min(1).max(MAX_TITLE_CHARACTERS).refine((title) => !/[\n\r\0]/.test(title), 'must be one line');
export const PullRequestBody = z.string().max(MAX_BODY_CHARACTERS).refine((body) => !body.includes('\0'), 'must not hold U+0000');

/** As git takes it after `refs/heads/`, without what would need quotes in a URL. */
export const BranchName = z
  .string()
  .max(200)
  .refine((name) => /^[A-Za-z0-9_][\w.+-]*(?:\/[A-Za-z0-9_][\w.+-]*)*$/.test(name) && !/\.\.|\.(?:lock)?(?:\/|$)/.test(name), 'must be the name of a branch, such as codex/fix-login');

/** A pushed branch that is to be reviewed. */
export const PullRequestWish = z.strictObject({
  /** As the gateway's route for git has it: `github.com`, `git.example.org:8443`. */
  host: z.string().max(300),
  /** `/owner/project`, with or without `.git`. */
  repository: z.string().max(500).regex(/^(?:\/[\w~+@-][\w.~+@-]*)+$/),
  branch: BranchName,
  /** Into which it is to be merged; the repository's default branch where absent. */
  base: BranchName.optional(),
  title: PullRequestTitle,
  body: PullRequestBody,
  draft: z.boolean(),
});
export type PullRequestWish = z.infer<typeof PullRequestWish>;

/** `url`: the pull request, which `created` tells from one that was open already. `problem`: why there is none. */
export const PullRequestResult = z.object({
  url: z.string().optional(),
  number: z.int().optional(),
  created: z.boolean().optional(),
  base: z.string().optional(),
  /** Where a person opens one. */
  compareUrl: z.string().optional(),
  problem: z.string().optional(),
});
export type PullRequestResult = z.infer<typeof PullRequestResult>;
