import { spawn } from 'node:child_process';
import Docker from 'dockerode';

const ARCHITECTURES = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' };
const PULL_STALL_MS = 20_000;
const LINE_WIDTH = 110;
const LINES_ON_FAILURE = 25;

/**
 * Connects to the engine of DOCKER_HOST, default the local socket.
 * @returns {Promise<{ docker: Docker, arch: 'x64' | 'arm64' }>} `arch` is the engine's, which may differ from the host's
 */
export async function connectEngine() {
  const docker = new Docker();
  const info = await docker.info().catch((error) => {
    throw new Error(`No Docker engine answers (${error.message}). Start Docker, or as root run tools/images/engine.sh.`);
  });
  const arch = ARCHITECTURES[info.Architecture];
  if (!arch) throw new Error(`The Docker engine runs on ${info.Architecture}; Codex exists for x86_64 and aarch64.`);
  return { docker, arch };
}

/** @returns {Promise<boolean>} whether the engine has this image locally */
export async function imageExists(docker, name) {
  try {
    await docker.getImage(name).inspect();
    return true;
  } catch (error) {
    if (error.statusCode === 404) return false;
    throw error;
  }
}

/** Pulls an image; gives up when the registry is silent for 20 s. */
export async function pullImage(docker, name) {
  const abort = new AbortController();
  const stalled = setTimeout(() => abort.abort(), PULL_STALL_MS);
  try {
    const stream = await docker.pull(name, { abortSignal: abort.signal });
    await followStream(docker, stream, () => stalled.refresh());
  } catch (error) {
    throw abort.signal.aborted ? new Error(`the registry was silent for ${PULL_STALL_MS / 1000} s`) : error;
  } finally {
    clearTimeout(stalled);
  }
}

/** Builds the Dockerfile in `directory` with the classic builder and tags the result. */
export async function buildFromDirectory({ docker, directory, tag, buildArgs, noCache, log }) {
  const startedAt = performance.now();
  // dockerode would gzip the context, which for Codex's binaries takes longer than the build.
  const tar = spawn('tar', ['-cf', '-', '-C', directory, '.'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, COPYFILE_DISABLE: '1' } });
  const stream = await docker.buildImage(tar.stdout, { t: tag, buildargs: buildArgs, nocache: noCache, forcerm: true });
  const output = [];
  try {
    await followStream(docker, stream, (event) => {
      const line = event.stream?.trim();
      if (!line) return;
      output.push(line);
      if (line.startsWith('Step ')) log(line.split('\n')[0].replace(/\s+/g, ' ').slice(0, LINE_WIDTH));
    });
  } catch (error) {
    throw new Error(`Building ${tag} failed:\n${output.slice(-LINES_ON_FAILURE).join('\n')}\n${error.message}`, { cause: error });
  }
  const { Size: sizeBytes } = await docker.getImage(tag).inspect();
  log(`built ${tag}, ${Math.round(sizeBytes / 1e6)} MB, ${Math.round((performance.now() - startedAt) / 1000)} s`);
}

function followStream(docker, stream, onEvent) {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()), onEvent);
  });
}
