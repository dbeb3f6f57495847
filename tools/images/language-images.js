import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** There is no network in agents; npm would wait for what it asks for by itself. */
const NPM_SETTINGS = ['audit=false', 'fund=false', 'update-notifier=false', ''].join('\n');

/** Images that repositories may choose: the agents' with one language more. */
export const nodeImage = derived('node', {
  hashed: async () => [process.version, await readFile(join(npmDirectory(), 'package.json')), NPM_SETTINGS],
  stage: stageNode,
});

export const pythonImage = derived('python', { hashed: async () => [], stage: async () => {} });

/** `on`: the image that it is built on. */
function derived(name, { hashed, stage }) {
  return {
    on: 'agent',
    repository: `codex-mcp-agent-${name}`,
    async prepare({ root, directory, arch }) {
      const dockerfile = join(root, 'images', name, 'Dockerfile');
      return {
        hashed: [await readFile(dockerfile), ...(await hashed())],
        buildArgs: {},
        stage: async () => {
          await copyFile(dockerfile, join(directory, 'Dockerfile'));
          await stage(directory, arch);
        },
      };
    },
  };
}

async function stageNode(directory, arch) {
  if (process.platform !== 'linux' || process.arch !== arch) {
    throw new Error(`The image "node" gets the running Node, which is for ${process.platform}-${process.arch}, and the engine needs linux-${arch}. Build it on such a machine, or name an image of yours: AGENT_IMAGES=node=<image>.`);
  }
  const target = join(directory, 'node');
  for (const part of ['bin', 'lib/node_modules']) await mkdir(join(target, part), { recursive: true });
  await copyFile(process.execPath, join(target, 'bin/node'));
  await cp(npmDirectory(), join(target, 'lib/node_modules/npm'), { recursive: true });
  await writeFile(join(target, 'lib/node_modules/npm/npmrc'), NPM_SETTINGS);
  for (const name of ['npm', 'npx']) await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(target, 'bin', name));
}

/** The npm that came with the running Node. */
function npmDirectory() {
  const directory = join(dirname(process.execPath), '../lib/node_modules/npm');
  if (!existsSync(directory)) throw new Error(`There is no npm beside ${process.execPath} (${directory}), which the image "node" is to have.`);
  return directory;
}
