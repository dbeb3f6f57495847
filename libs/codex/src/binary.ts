import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const TARGETS: Record<string, string> = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
};

export type CodexBinary = { version: string; codex: string; codeModeHost: string };

/** The Codex that the lockfile pins, from the npm package of a platform such as `linux-x64` (default: this machine's). */
export function locateCodex(platform = `${process.platform}-${process.arch}`): CodexBinary {
  const target = TARGETS[platform];
  if (!target) throw new Error(`Codex has no binary for ${platform}; it runs on ${Object.keys(TARGETS).join(', ')}.`);
  const resolve = createRequire(import.meta.url);
  const version = (resolve('@openai/codex/package.json') as { version: string }).version;
  const manifest = locatePlatformPackage(resolve, platform);
  const bin = join(dirname(manifest), 'vendor', target, 'bin');
  return { version, codex: join(bin, 'codex'), codeModeHost: join(bin, 'codex-code-mode-host') };
}

function locatePlatformPackage(resolve: NodeJS.Require, platform: string): string {
  try {
    return resolve.resolve(`@openai/codex-${platform}/package.json`);
  } catch (error) {
    throw new Error(`The npm package @openai/codex-${platform} is not installed. Run \`npm ci\` (without --omit=optional) on this machine.`, { cause: error });
  }
}
