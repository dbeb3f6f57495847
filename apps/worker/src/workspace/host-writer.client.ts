import { AppError, ErrorBody, type FileWrite, TreeWriteResult } from '@codex-mcp/contracts';

/** Has an agent's supervisor change the host directory that the agent works on a copy of: all or nothing. Throws the supervisor's refusal. */
export async function writeToHost(url: string, headers: Record<string, string>, files: FileWrite[]): Promise<TreeWriteResult> {
  const response = await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify({ files }) });
  const body: unknown = await response.json();
  if (response.ok) return TreeWriteResult.parse(body);
  throw AppError.from(ErrorBody.parse(body));
}
