import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CLIENT_PACKAGES, NODE_VERSION } from './packages.js';

const platform = `${process.platform}-${process.arch}`;

/** The pinned clients, installed below the user's cache directory, and the Node that runs them. */
export class Installation {
  readonly node: string;

  private constructor(private readonly directory: string) {
    this.node = this.file(`node-${platform}`, 'bin/node');
  }

  /** Installs what is not there yet, which takes half a minute; throws with npm's words where that fails. */
  static async ready(cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'codex-mcp-clients')): Promise<Installation> {
    const dependencies = { ...CLIENT_PACKAGES, [`node-${platform}`]: NODE_VERSION };
    const directory = join(cacheDir, createHash('sha256').update(JSON.stringify(dependencies)).digest('hex').slice(0, 12));
    if (!existsSync(directory)) await install(directory, dependencies);
    return new Installation(directory);
  }

  /** A file of a package, also of one whose `exports` do not name it. */
  file(packageName: string, path: string): string {
    return join(this.directory, 'node_modules', packageName, path);
  }

  /** The place from where its packages are found. */
  get manifest(): string {
    return join(this.directory, 'package.json');
  }

  get claude(): string {
    return this.file(`@anthropic-ai/claude-code-${platform}`, 'claude');
  }
}

async function install(directory: string, dependencies: Record<string, string>): Promise<void> {
  const unfinished = `${directory}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    await writeFile(join(unfinished, 'package.json'), JSON.stringify({ private: true, dependencies }));
    await promisify(execFile)('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'], { cwd: unfinished });
    await rename(unfinished, directory);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
