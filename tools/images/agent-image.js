import { spawnSync } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const TRIPLES = { x64: 'x86_64-unknown-linux-musl', arm64: 'aarch64-unknown-linux-musl' };
const BINARIES = ['codex', 'codex-code-mode-host'];

/** The image of an agent's container: Codex from the npm package that the lockfile pins, for the engine's architecture. */
export const agentImage = {
  dockerfile: 'images/agent/Dockerfile',
  packagedBase: { packages: [], files: [], obstacle: () => undefined },

  async prepare({ root, directory, arch, log }) {
    const { version, dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const codexVersion = dependencies['@openai/codex'];
    const sources = ['Dockerfile', 'entrypoint.sh', 'read-only.pl'].map((file) => join(root, 'images/agent', file));
    return {
      hashed: [...(await Promise.all(sources.map((file) => readFile(file)))), codexVersion, version],
      buildArgs: { CODEX_VERSION: codexVersion, VERSION: version },
      stage: async () => {
        const vendor = await findCodex({ root, arch, codexVersion, log });
        await mkdir(join(directory, 'codex'));
        const binaries = BINARIES.map((name) => [join(vendor, 'bin', name), join(directory, 'codex', name)]);
        const files = sources.map((file) => [file, join(directory, file.slice(file.lastIndexOf('/') + 1))]);
        for (const [from, to] of [...binaries, ...files]) await copyFile(from, to, constants.COPYFILE_FICLONE);
      },
    };
  },
};

async function findCodex({ root, arch, codexVersion, log }) {
  const packageDirectory = join(root, 'node_modules/@openai', `codex-linux-${arch}`);
  if (!existsSync(packageDirectory)) await fetchCodex({ root, arch, codexVersion, packageDirectory, log });
  const vendor = join(packageDirectory, 'vendor', TRIPLES[arch]);
  const installed = JSON.parse(await readFile(join(vendor, 'codex-package.json'), 'utf8')).version;
  if (installed !== codexVersion) throw new Error(`package.json pins Codex ${codexVersion}, but node_modules has ${installed}: run npm ci.`);
  return vendor;
}

/** npm installs only the package of the host's own platform, which is not the engine's on macOS or with a remote engine. */
async function fetchCodex({ root, arch, codexVersion, packageDirectory, log }) {
  const spec = `@openai/codex@${codexVersion}-linux-${arch}`;
  log(`fetching ${spec} for the engine's architecture`);
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const expected = lock.packages[`node_modules/@openai/codex-linux-${arch}`].integrity;
  await mkdir(packageDirectory, { recursive: true });
  try {
    const [packed] = JSON.parse(run('npm', ['pack', spec, '--json', '--pack-destination', packageDirectory], root));
    if (packed.integrity !== expected) throw new Error(`its integrity is ${packed.integrity}, the lockfile says ${expected}`);
    const archive = join(packageDirectory, packed.filename);
    run('tar', ['-xzf', archive, '--strip-components=1', '-C', packageDirectory], root);
    await rm(archive);
  } catch (error) {
    await rm(packageDirectory, { recursive: true, force: true });
    throw new Error(`${spec} could not be fetched (${error.message}). Unpack it into node_modules/@openai/codex-linux-${arch} by hand: npm pack ${spec}`, { cause: error });
  }
}

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(error?.message ?? stderr.trim().split('\n').slice(0, 3).join(' '));
  return stdout;
}
