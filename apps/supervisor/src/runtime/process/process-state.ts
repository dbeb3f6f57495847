import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '@codex-mcp/config';
import { AgentIdentity, Workspace } from '@codex-mcp/contracts';
import { z } from 'zod';

const AgentState = z.object({ agent: AgentIdentity, workspace: Workspace, pid: z.number(), baseUrl: z.string(), createdAt: z.number() });
export type AgentState = z.infer<typeof AgentState>;

const fileIn = (directory: string): string => join(directory, 'agent.json');

/** What was last started in an agent's directory; undefined when there is nothing readable. */
export async function readState(directory: string): Promise<AgentState | undefined> {
  const text = await readFile(fileIn(directory), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return AgentState.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function writeState(directory: string, state: AgentState): void {
  replaceFile(fileIn(directory), JSON.stringify(state));
}
