import { AppError, ErrorBody, type FileWrite, TreeWriteResult } from '@codex-mcp/contracts';

/** Has an agent's supervisor change the host directory that the agent works on a copy of: all or nothing. Throws the supervisor's refusal. */
export async function writeToHost(url: string, headers: Record<string, string>, files: FileWrite[]): Promise<TreeWriteResult> {
  const { response, body } = await post(url, headers, files).catch((error: unknown) => {
    throw new AppError('turn_interrupted', 'The supervisor went away while it wrote into the directory. All of the changes are there or, at the latest after its return, none: look, then call again.', { cause: error });
  });
  if (response.ok) return TreeWriteResult.parse(body);
  throw AppError.from(ErrorBody.parse(body));
}

async function post(url: string, headers: Record<string, string>, files: FileWrite[]): Promise<{ response: Response; body: unknown }> {
  const response = await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify({ files }) });
  return { response, body: await response.json() };
}
