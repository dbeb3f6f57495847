import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { runPaths } from '@codex-mcp/contracts';

/** None of this process's own variables, of which some are secrets. */
const PS_ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin' };
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** By agent key: process groups whose Codex was told to listen in that agent's directory. Empty where there is no `ps` to ask. */
export async function agentGroups(runDir: string): Promise<Map<string, number[]>> {
  const { stdout } = await promisify(execFile)('ps', ['axww', '-o', 'pgid=,args='], { env: PS_ENVIRONMENT, maxBuffer: MAX_OUTPUT_BYTES }).catch(() => ({ stdout: '' }));
  const before = ` app-server --strict-config --listen unix://${runPaths.agent(runDir, '')}`;
  const groups = new Map<string, number[]>();
  for (const line of stdout.split('\n')) {
    const at = line.indexOf(before);
    const [key] = (at >= 0 && /^[0-9a-f]{32}(?=\/)/.exec(line.slice(at + before.length))) || [];
    const group = Number.parseInt(line, 10);
    if (key !== undefined && group > 1) groups.set(key, [...new Set([...(groups.get(key) ?? []), group])]);
  }
  return groups;
}
