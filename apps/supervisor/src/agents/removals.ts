import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '@codex-mcp/config';
import { AgentIdentity } from '@codex-mcp/contracts';

const SUFFIX = '.json';

/**
 * Removals that have begun, on this host's disk: one that a crash cut short is finished later, and nothing
 * else is ever taken for one, however empty the registry is.
 */
export class Removals {
  private readonly directory: string;

  constructor(runDir: string) {
    this.directory = join(runDir, 'removals');
  }

  /** From here on the agent's files are to be deleted, whatever happens to this process. */
  async begin({ key, tenant, agentId }: AgentIdentity): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    replaceFile(this.fileOf(key), JSON.stringify({ key, tenant, agentId }));
  }

  async isPending(agentKey: string): Promise<boolean> {
    return stat(this.fileOf(agentKey)).then(() => true, () => false);
  }

  /** Call when nothing of the agent is left. */
  async end(agentKey: string): Promise<void> {
    await rm(this.fileOf(agentKey), { force: true });
  }

  async pending(): Promise<AgentIdentity[]> {
    const names = (await readdir(this.directory).catch(() => [])).filter((name) => name.endsWith(SUFFIX));
    const texts = await Promise.all(names.map((name) => readFile(join(this.directory, name), 'utf8').catch(() => '')));
    return texts.flatMap((text) => parse(text) ?? []);
  }

  private fileOf(agentKey: string): string {
    return join(this.directory, `${agentKey}${SUFFIX}`);
  }
}

function parse(text: string): AgentIdentity | undefined {
  try {
    return AgentIdentity.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
