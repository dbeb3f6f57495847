// @ts-check
// `codex-mcp stdio` alone as an npm package: one file that needs no other package, for machines without a clone of this repository.
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { program, repository } from './child.js';

const entry = `
import { runMain } from './libs/observability/dist/run-main.js';
import { stdio } from './apps/cli/dist/stdio/stdio.command.js';

const [command, ...args] = process.argv.slice(2);
runMain(async () => {
  if (command === 'stdio') process.exit(await stdio(args, process.env));
  process.stderr.write('Usage: codex-mcp stdio [--url URL] [--help]; this package has no other command.\\n');
  process.exit(64);
});
`;

/**
 * Packs it. The build must be there.
 * @param {string} directory where the tarball is written
 * @returns {Promise<string>} its path
 */
export async function packageStdio(directory) {
  const staging = await mkdtemp(join(tmpdir(), 'codex-mcp-package-'));
  try {
    const { name, version, description, license, engines } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
    const file = join(staging, 'codex-mcp.js');
    const { build } = await import('esbuild');
    const { metafile } = await build({
      absWorkingDir: repository,
      stdin: { contents: entry, resolveDir: repository },
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      metafile: true,
      logLevel: 'error',
      banner: { js: "#!/usr/bin/env node\nimport { createRequire as __bundleRequire } from 'node:module';\nconst require = __bundleRequire(import.meta.url);" },
    });
    await chmod(file, 0o755);
    await writeFile(join(staging, 'package.json'), JSON.stringify({ name, version, description: `${description}: its stdio command`, license, type: 'module', engines, bin: { [name]: 'codex-mcp.js' } }, undefined, 2));
    await writeFile(join(staging, 'LICENSE'), await licences(Object.keys(metafile.inputs)));
    await mkdir(directory, { recursive: true });
    const { stdout } = await promisify(execFile)('npm', ['pack', '--silent', '--pack-destination', resolve(directory)], { cwd: staging });
    return join(resolve(directory), stdout.trim());
  } finally {
    await rm(staging, { recursive: true });
  }
}

/** This repository's and those of the packages that files are of. @param {string[]} files */
async function licences(files) {
  const packages = new Set(files.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter((path) => path !== undefined));
  const texts = [...packages].toSorted().map(async (path) => `${path.replace(/^.*node_modules\//, '')}\n\n${await licenceIn(path)}`);
  return [await readFile(join(repository, 'LICENSE'), 'utf8'), 'It holds parts of these packages:', ...(await Promise.all(texts))].join('\n\n');
}

/** @param {string} path */
async function licenceIn(path) {
  const names = await readdir(join(repository, path));
  const name = names.find((candidate) => /^licen[cs]e/i.test(candidate));
  return name ? readFile(join(repository, path, name), 'utf8') : `License: ${JSON.parse(await readFile(join(repository, path, 'package.json'), 'utf8')).license}`;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await program(async () => {
    const { prepareCommand } = await import('./prepare.js');
    await prepareCommand();
    console.log(await packageStdio(process.argv[2] ?? 'dist'));
  });
}
