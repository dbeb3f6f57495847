import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@codex-mcp/config';
import { AgentRegistration, AgentUpstream, runPaths } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { z } from 'zod';

const StoredAgent = z.object({ registration: AgentRegistration, upstream: AgentUpstream });
export type StoredAgent = z.infer<typeof StoredAgent>;

/**
 * Which agents this gateway serves, kept over its restarts. One file per agent, beside the directory
 * that the agent's container is given and not in it: an agent need not read its tenant's name.
 */
export class RegistrationStore {
  constructor(
    private readonly runDir: string,
    private readonly logger: Logger,
  ) {}

  save({ registration, upstream }: StoredAgent): void {
    const directory = runPaths.agent(this.runDir, registration.agent.key);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    replaceFile(join(directory, 'agent.json'), `${JSON.stringify({ registration, upstream })}\n`);
  }

  remove(key: string): void {
    const directory = runPaths.agent(this.runDir, key);
    rmSync(join(directory, 'agent.json'), { force: true });
    rmSync(runPaths.agentGateway(this.runDir, key), { recursive: true, force: true });
    try {
      rmdirSync(directory);
    } catch (error) {
      // The supervisor keeps its own things of the agent in the same directory.
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    }
  }

  /** All agents on record. One that cannot be read is logged and left out: the supervisor registers it again. */
  all(): StoredAgent[] {
    const directory = join(this.runDir, 'agents');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return readdirSync(directory).flatMap((key) => this.read(join(directory, key, 'agent.json')));
  }

  private read(file: string): StoredAgent[] {
    try {
      return [StoredAgent.parse(JSON.parse(readFileSync(file, 'utf8')))];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.logger.warn({ file, reason: error instanceof Error ? error.message : 'unreadable' }, 'agent registration left out');
      return [];
    }
  }
}
