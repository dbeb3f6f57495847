// @ts-check
// Documents that follow from the tool catalogue: the table in README.md and docs/generated/tools.md.
// `node tools/docs/generate.js` writes them, `--check` fails where they are stale. Reads libs/tools/dist: build first.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readmeTable, toolsPage, withTable } from './tools-page.js';

const root = join(import.meta.dirname, '../..');
const page = join(root, 'docs/generated/tools.md');
const readme = join(root, 'README.md');

/** @returns {Promise<import('./tools-page.js').ListedTool[]>} */
async function readCatalogue() {
  const built = join(root, 'libs/tools/dist/index.js');
  if (!existsSync(built)) throw new Error(`${relative(root, built)} is missing: run npx tsc -b libs/tools first.`);
  const { listTools } = await import(built);
  return listTools();
}

/** What each document is to hold. @returns {Promise<Map<string, string>>} */
async function documents() {
  const tools = await readCatalogue();
  const wanted = new Map([[page, toolsPage(tools)]]);
  if (existsSync(readme)) wanted.set(readme, withTable(await readFile(readme, 'utf8'), readmeTable(tools)));
  return wanted;
}

/** @param {boolean} checkOnly @returns {Promise<string[]>} the documents that were or are stale */
export async function generate(checkOnly) {
  const stale = [];
  for (const [file, text] of await documents()) {
    if (existsSync(file) && (await readFile(file, 'utf8')) === text) continue;
    stale.push(relative(root, file));
    if (checkOnly) continue;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return stale;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const checkOnly = process.argv.includes('--check');
  try {
    const stale = await generate(checkOnly);
    if (checkOnly && stale.length > 0) throw new Error(`Stale: ${stale.join(', ')}. Run node tools/docs/generate.js and commit the result.`);
    console.log(stale.length === 0 ? 'The documents of the tool catalogue are up to date.' : `Wrote ${stale.join(', ')}.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
