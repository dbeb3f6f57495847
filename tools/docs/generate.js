// @ts-check
// Documents that follow from the code: the table in README.md and what is in docs/generated.
// `node tools/docs/generate.js` writes them, `--check` fails where they are stale.
// Either way, .env.example and the table of error codes are compared with the code. Reads what tsc built.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configurationPage, readVariables } from './configuration.js';
import { envExampleProblems } from './env-example.js';
import { errorCodeProblems } from './error-codes.js';
import { readmeTable, toolsPage, withTable } from './tools-page.js';

const root = join(import.meta.dirname, '../..');
const toolsFile = join(root, 'docs/generated/tools.md');
const openApiFile = join(root, 'docs/generated/openapi.json');
const configurationFile = join(root, 'docs/generated/configuration.md');
const readme = join(root, 'README.md');

/** What a lib exports, as tsc built it. @param {string} lib @returns {Promise<any>} */
async function built(lib) {
  const file = join(root, 'libs', lib, 'dist/index.js');
  if (!existsSync(file)) throw new Error(`${relative(root, file)} is missing: run npx tsc -b libs/${lib} first.`);
  return import(file);
}

/** @returns {Promise<import('./tools-page.js').ListedTool[]>} */
async function readCatalogue() {
  const { listTools, TOOLS } = await built('tools');
  return listTools().map((/** @type {import('./tools-page.js').ListedTool} */ tool) => ({ ...tool, kind: TOOLS.get(tool.name).kind }));
}

/** What the edge serves as /openapi.json. @returns {Promise<string>} */
async function openApi() {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { openApiDocument } = await import(join(root, 'apps/mcp-edge/dist/rest/openapi/openapi.document.js'));
  return `${JSON.stringify(openApiDocument(version), null, 1)}\n`;
}

/** @returns {Promise<import('./tools-page.js').Toolset[]>} */
async function readToolsets() {
  const { selectTools, TOOLSETS } = await built('tools');
  return Object.entries(TOOLSETS).map(([name, meaning]) => ({ name, meaning, tools: selectTools(name).listed.map((/** @type {{ name: string }} */ tool) => tool.name) }));
}

/** @param {string} file @returns {Promise<string>} empty where there is no such file */
const readIfThere = async (file) => (existsSync(join(root, file)) ? await readFile(join(root, file), 'utf8') : '');

/** What each document is to hold. @param {import('./configuration.js').Variables} variables @returns {Promise<Map<string, string>>} */
async function documents(variables) {
  const tools = await readCatalogue();
  const wanted = new Map([
    [toolsFile, toolsPage(tools, await readToolsets())],
    [configurationFile, configurationPage(variables)],
    [openApiFile, await openApi()],
  ]);
  if (existsSync(readme)) wanted.set(readme, withTable(await readFile(readme, 'utf8'), readmeTable(tools)));
  return wanted;
}

/** Throws where what is written by hand names what does not exist or lacks what does. @param {import('./configuration.js').Variables} variables */
async function checkHandwritten(variables) {
  const texts = { example: await readIfThere('.env.example'), compose: await readIfThere('docker-compose.yml'), guide: await readIfThere('docs/configuration.md') };
  const problems = envExampleProblems(variables, texts);
  const codes = await readIfThere('docs/troubleshooting.md');
  if (codes !== '') problems.push(...errorCodeProblems((await built('contracts')).ERROR_CLASSES, codes));
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** @param {boolean} checkOnly @returns {Promise<string[]>} the documents that were or are stale */
export async function generate(checkOnly) {
  const stale = [];
  const variables = await readVariables(root);
  const wanted = await documents(variables);
  await checkHandwritten(variables);
  for (const [file, text] of wanted) {
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
    console.log(stale.length === 0 ? 'The documents are up to date with the code.' : `Wrote ${stale.join(', ')}.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
