import { createHash } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageExists, pullImage } from './docker-engine.js';

const REPOSITORY = 'codex-mcp-base';
const SUITE = 'bookworm';
const DEBIAN_ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };
const DOCUMENTATION = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*'];
const LOCAL_SOURCES = '/etc/apt/sources.list.d/debian.sources';

/**
 * Finds the base that an image is built on: the Dockerfile's default if it is here or can be pulled, else one made
 * from Debian's packages, for machines that reach a package mirror but no registry.
 * @returns {Promise<string>} the name of an image that the engine has
 */
export async function ensureBase({ image, engine, force, root, log }) {
  const { defaultBase, packages } = readDockerfile(await readFile(join(root, image.dockerfile), 'utf8'));
  if (await imageExists(engine.docker, defaultBase)) return defaultBase;
  const packaged = describePackagedBase({ arch: engine.arch, packages: [...packages, ...image.packagedBase.packages], files: image.packagedBase.files });
  if (!force && (await imageExists(engine.docker, packaged.name))) return packaged.name;
  log(`pulling ${defaultBase}`);
  try {
    await pullImage(engine.docker, defaultBase);
    return defaultBase;
  } catch (error) {
    log(`${defaultBase} cannot be pulled (${(error.json?.message ?? error.message).trim()})`);
  }
  const obstacle = image.packagedBase.obstacle(engine.arch) ?? ensureMmdebstrap(log);
  if (obstacle) throw new Error(`No base image: ${defaultBase} is neither here nor can it be pulled, and ${obstacle}. Load it with \`docker load\`, configure a registry mirror, or choose another Debian-based image with --base IMAGE.`);
  log(`making ${packaged.name} from Debian ${SUITE} packages (about 30 s)`);
  await importDebootstrap({ docker: engine.docker, ...packaged });
  return packaged.name;
}

function readDockerfile(text) {
  const [, defaultBase] = /^ARG BASE_IMAGE=(\S+)$/m.exec(text);
  const [, packages] = /^ARG PACKAGES="(.+)"$/m.exec(text);
  return { defaultBase, packages: packages.split(' ') };
}

function describePackagedBase({ arch, packages, files }) {
  const inputs = JSON.stringify([SUITE, DOCUMENTATION, arch, packages, files]);
  return { name: `${REPOSITORY}:${createHash('sha256').update(inputs).digest('hex').slice(0, 12)}`, arch, packages, files };
}

/** @returns {string | undefined} why mmdebstrap cannot be had */
function ensureMmdebstrap(log) {
  if (spawnSync('mmdebstrap', ['--version']).status === 0) return undefined;
  if (process.getuid?.() !== 0) return 'making one from Debian packages needs mmdebstrap (apt-get install mmdebstrap)';
  log('installing mmdebstrap');
  const { status, error } = spawnSync('apt-get', ['install', '--yes', '--no-install-recommends', 'mmdebstrap', 'debian-archive-keyring'], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  return status === 0 ? undefined : `mmdebstrap could not be installed (${error?.message ?? `apt-get ended with ${status}`})`;
}

async function importDebootstrap({ docker, name, arch, packages, files }) {
  const mmdebstrap = spawn('mmdebstrap', mmdebstrapArgs({ arch, packages, files }), { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  mmdebstrap.stderr.setEncoding('utf8').on('data', (chunk) => { errors = (errors + chunk).slice(-3000); });
  const exited = new Promise((resolve) => { mmdebstrap.on('error', resolve).on('close', resolve); });
  const failure = await docker.importImage(mmdebstrap.stdout, { repo: name }).then(consume).catch((error) => error);
  if (failure) mmdebstrap.kill();
  const code = await exited;
  if (code === 0 && !failure) return;
  await docker.getImage(name).remove().catch(() => {});
  throw new Error(`No base image could be made: mmdebstrap ended with ${code}, the import with ${failure?.message ?? 'success'}\n${errors}`);
}

function consume(response) {
  return new Promise((resolve, reject) => { response.on('end', resolve).on('error', reject).resume(); });
}

function mmdebstrapArgs({ arch, packages, files }) {
  const hooks = files.flatMap(({ source, target, check }) => [`--customize-hook=install -m 0755 '${source}' "$1${target}"`, `--customize-hook=chroot "$1" ${check} >&2`]);
  const slim = [...DOCUMENTATION.map((path) => `--dpkgopt=path-exclude=${path}`), '--dpkgopt=path-include=/usr/share/doc/*/copyright'];
  const options = ['--quiet', '--variant=minbase', '--format=tar', `--architectures=${DEBIAN_ARCHITECTURES[arch]}`, `--include=${packages.join(',')}`, ...slim, ...hooks];
  // The machine's own mirror, where it runs the same release; mmdebstrap's default mirrors elsewhere.
  const mirror = existsSync(LOCAL_SOURCES) && readFileSync(LOCAL_SOURCES, 'utf8').includes(SUITE) ? [LOCAL_SOURCES] : [];
  return [...options, SUITE, '-', ...mirror];
}
