import { readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { agentKey, LOCAL_TENANT, runPaths, type RuntimeName } from '@codex-mcp/contracts';

/** The app-server of an agent of the system, for driving it past edge, queue, worker and relay. */
export type AgentSocket = { readonly path: string; readonly cwd: string };

/** `linkPath`: where to put a link to the socket, whose own path is longer than a socket address may be. */
export async function findAgentSocket(dataDir: string, agentId: string, runtime: RuntimeName, linkPath: string): Promise<AgentSocket> {
  const key = agentKey(LOCAL_TENANT, agentId);
  const directory = runPaths.agentAppServer(join(dataDir, 'run'), key);
  const [name] = await readdir(directory);
  if (name === undefined) throw new Error(`agent ${agentId} has no socket in ${directory}`);
  await symlink(join(directory, name), linkPath);
  return { path: linkPath, cwd: runtime === 'docker' ? '/workspace' : join(dataDir, 'agents', key, 'workspace') };
}
