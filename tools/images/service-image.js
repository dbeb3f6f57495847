import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { bundleServices } from '../setup/bundle.js';
import { productionPackages } from './production-packages.js';

const APPS = ['mcp-edge', 'worker', 'supervisor', 'gateway', 'cli'].map((name) => `apps/${name}`);
/** Codex itself runs in the agents' image only. */
const LEFT_OUT = /^node_modules\/(@openai\/codex-|@types\/)/;
const NOT_NEEDED_AT_RUN_TIME = /(\.[cm]?ts|\.map|(?<!licen[cs]e|notice|copying)\.md)$/i;
const DIST_LEFT_OUT = /(\.d\.ts|\.d\.ts\.map|\.tsbuildinfo|\.spec\.js|\.spec\.js\.map)$/;

/** Debian bookworm has no Node 20 package: a base made from its packages gets the node that runs this script. */
const RUNNING_NODE = { source: process.execPath, target: '/usr/local/bin/node', version: process.version, check: '/usr/local/bin/node --version' };

/** The image of the product's own processes: built apps and libs with the packages that they need at run time. */
export const serviceImage = {
  dockerfile: 'images/service/Dockerfile',
  packagedBase: { packages: ['libstdc++6'], files: [RUNNING_NODE], obstacle: nodeObstacle },

  async prepare({ root, directory, log }) {
    compile(root, log);
    await bundleServices(root);
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const { packages, workspaces } = await productionPackages(root, APPS);
    await stageWorkspaces({ root, directory, workspaces });
    const sources = ['Dockerfile', 'redis.sh', 'service.sh'].map((file) => join(root, 'images/service', file));
    for (const file of sources) await copyFile(file, join(directory, basename(file)));
    return {
      hashed: [await hashTree(directory), JSON.stringify(packages), process.version, version],
      buildArgs: { VERSION: version },
      stage: () => stagePackages({ root, directory, packages: packages.filter(({ path }) => !LEFT_OUT.test(path)), workspaces }),
    };
  },
};

function compile(root, log) {
  log('compiling');
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', ...APPS], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`The sources do not compile:\n${stdout.split('\n').slice(0, 15).join('\n')}`);
}

async function stageWorkspaces({ root, directory, workspaces }) {
  for (const workspace of workspaces) {
    const target = join(directory, 'workspace', workspace);
    await mkdir(target, { recursive: true });
    await copyFile(join(root, workspace, 'package.json'), join(target, 'package.json'));
    await cp(join(root, workspace, 'dist'), join(target, 'dist'), { recursive: true, filter: (from) => !DIST_LEFT_OUT.test(from) });
  }
  await copyFile(join(root, 'package.json'), join(directory, 'workspace/package.json'));
}

async function stagePackages({ root, directory, packages, workspaces }) {
  for (const { path } of packages) {
    const source = join(root, path);
    const nested = join(source, 'node_modules');
    await cp(source, join(directory, path), { recursive: true, filter: (from) => from !== nested && !NOT_NEEDED_AT_RUN_TIME.test(from) });
  }
  const scope = join(directory, 'node_modules/@codex-mcp');
  await mkdir(scope, { recursive: true });
  for (const workspace of workspaces) await symlink(join('../..', workspace), join(scope, basename(workspace)));
}

async function hashTree(directory) {
  const hash = createHash('sha256');
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.toSorted()) hash.update(relative(directory, path)).update('\0').update(await readFile(path));
  return hash.digest('hex');
}

function nodeObstacle(arch) {
  if (process.platform === 'linux' && process.arch === arch) return undefined;
  return `a base made from Debian packages gets the running node, which is for ${process.platform}-${process.arch} and the engine for linux-${arch}`;
}
