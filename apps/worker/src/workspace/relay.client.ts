import { AppError, ErrorBody, type FileWrite, PullRequestResult, type PullRequestWish, TreeWriteResult } from '@codex-mcp/contracts';

/** Has an agent's supervisor change the host directory that the agent works on a copy of: all or nothing. Throws the supervisor's refusal. */
export async function writeToHost(url: string, headers: Record<string, string>, files: FileWrite[]): Promise<TreeWriteResult> {
  const { response, body } = await post(url, headers, { files }).catch((error: unknown) => {
    throw new AppError('turn_interrupted', 'The supervisor went away while it wrote into the directory. All of the changes are there or, at the latest after its return, none: look, then call again.', { cause: error });
  });
  if (response.ok) return TreeWriteResult.parse(body);
  throw AppError.from(ErrorBody.parse(body));
}

/** Has the gateway of an agent's host open a pull request. Throws its refusal, or the supervisor's. */
export async function openPullRequest(url: string, headers: Record<string, string>, wish: PullRequestWish): Promise<PullRequestResult> {
  const { response, body } = await post(`${url}/pull-requests`, headers, wish).catch((error: unknown) => {
    throw new AppError('service_unavailable', 'The supervisor went away after the branch was pushed. Call again.', { cause: error });
  });
  if (response.ok) return PullRequestResult.parse(body);
  throw AppError.from(ErrorBody.parse(body));
}

async function post(url: string, headers: Record<string, string>, content: object): Promise<{ response: Response; body: unknown }> {
  const response = await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(content) });
  return { response, body: await response.json() };
}
