#!/usr/bin/env node
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { agentImage } from './agent-image.js';
import { ensureBase } from './base-image.js';
import { buildFromDirectory, connectEngine, imageExists } from './docker-engine.js';
import { nodeImage, pythonImage } from './language-images.js';
import { serviceImage } from './service-image.js';

const REPOSITORY_ROOT = fileURLToPath(new URL('../../', import.meta.url));
const IMAGES = { agent: agentImage, service: serviceImage, node: nodeImage, python: pythonImage };
const USAGE = `usage: node tools/images/build.js agent|service|node|python|all [--force] [--base IMAGE]
  --force       build even if the image is up to date, and renew a base that was made from distribution packages
  --base IMAGE  build on this image (Debian-based) instead of the Dockerfile's default; node and python are built on agent`;

/**
 * Builds the named images where their inputs changed, tags them `codex-mcp-<name>:<hash of the inputs>` and `:latest`;
 * those of a language are `codex-mcp-agent-<name>`.
 * @param {Array<'agent' | 'service' | 'node' | 'python'>} names
 * @param {{ force?: boolean, base?: string, log?: (line: string) => void }} [options]
 * @returns {Promise<string[]>} the tags, in the order of `names`
 * @throws {Error} that names what to install or change
 */
export async function buildImages(names, { force = false, base, log = console.log } = {}) {
  const engine = await connectEngine();
  const tags = [];
  for (const name of names) {
    const image = IMAGES[name];
    const on = image.on === undefined ? base : (await buildImages([image.on], { base, log }))[0];
    tags.push(await buildOne({ name, image, engine, force, base: on, log: (line) => log(`${name}: ${line}`) }));
  }
  return tags;
}

async function buildOne({ name, image, engine, force, base, log }) {
  const directory = await mkdtemp(join(tmpdir(), `codex-mcp-${name}-`));
  try {
    const { hashed, buildArgs, stage } = await image.prepare({ root: REPOSITORY_ROOT, directory, arch: engine.arch, log });
    const repository = image.repository ?? `codex-mcp-${name}`;
    const tag = `${repository}:${inputsHash([...hashed, engine.arch, base ?? ''])}`;
    if (!force && (await imageExists(engine.docker, tag))) {
      log(`${tag} is up to date`);
    } else {
      const baseImage = base ?? (await ensureBase({ image, engine, force, root: REPOSITORY_ROOT, log }));
      await stage();
      await buildFromDirectory({ docker: engine.docker, directory, tag, buildArgs: { ...buildArgs, BASE_IMAGE: baseImage }, noCache: force, log });
    }
    await engine.docker.getImage(tag).tag({ repo: repository, tag: 'latest' });
    return tag;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function inputsHash(inputs) {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(input).update('\0');
  return hash.digest('hex').slice(0, 12);
}

async function main() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { force: { type: 'boolean' }, base: { type: 'string' } } });
  const names = positionals[0] === 'all' ? Object.keys(IMAGES) : positionals;
  if (names.length === 0 || names.some((name) => !(name in IMAGES))) throw new Error(USAGE);
  await buildImages(names, values);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
