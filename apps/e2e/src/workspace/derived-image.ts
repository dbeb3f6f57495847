import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker } from '../stack/agent-containers.js';

/** Builds an image from the agents' with some more lines of a Dockerfile, run as root; returns its name, for the caller to remove. */
export async function derivedImage(...lines: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'codex-mcp-derived-'));
  const name = `codex-mcp-e2e:${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(join(directory, 'Dockerfile'), ['FROM codex-mcp-agent:latest', 'USER 0', ...lines, 'USER 10001:10001', ''].join('\n'));
    const stream = await docker.buildImage({ context: directory, src: ['Dockerfile'] }, { t: name, forcerm: true });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()));
    });
    return name;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
