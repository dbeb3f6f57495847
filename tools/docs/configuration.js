// @ts-check
// The environment variables of the services, read from the schemas that parse them: apps/*/dist/**/*.config.js.
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {{ shape: Record<string, { description?: string, meta(): { default?: string, required?: boolean } | undefined }> }} Schema */
/** @typedef {{ service: string, fallback: string | undefined, required: boolean, meaning: string }} Reading one service's reading of a variable */
/** @typedef {Map<string, Reading[]>} Variables */

/** Every variable with the services that read it, by name. @param {string} root @returns {Promise<Variables>} */
export async function readVariables(root) {
  /** @type {Variables} */
  const variables = new Map();
  for (const app of readdirSync(join(root, 'apps')).toSorted()) {
    for (const { file, schema } of await schemasOf(join(root, 'apps', app, 'dist'))) {
      for (const [name, field] of Object.entries(schema.shape)) {
        variables.set(name, [...(variables.get(name) ?? []), readingOf(app === 'cli' ? commandOf(file) : app, name, field)]);
      }
    }
  }
  if (variables.size === 0) throw new Error('apps/*/dist holds no configuration: run npx tsc -b first.');
  return new Map([...variables].toSorted(([a], [b]) => a.localeCompare(b, 'en')));
}

/** @type {Record<string, string>} */
const commands = { auth: 'npm run auth', stdio: 'codex-mcp stdio' };

/** The command that a configuration of the launcher belongs to, by its folder. @param {string} file */
const commandOf = (file) => commands[file.split(sep)[0] ?? ''] ?? 'npm start';

/** @param {string} dist @returns {Promise<{ file: string, schema: Schema }[]>} */
async function schemasOf(dist) {
  if (!existsSync(dist)) return [];
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.config.js'));
  const modules = await Promise.all(files.toSorted().map((file) => import(pathToFileURL(join(dist, file)).href)));
  const schemas = modules.map((module) => Object.values(module).filter((value) => typeof value === 'object' && value !== null && 'shape' in value));
  return files.toSorted().flatMap((file, index) => (schemas[index] ?? []).map((schema) => ({ file, schema })));
}

/** @param {string} service @param {string} name @param {Schema['shape'][string]} field @returns {Reading} */
function readingOf(service, name, field) {
  if (!field.description) throw new Error(`${name} of ${service} has no description: add .describe(…) in its configuration.`);
  const { default: fallback, required = false } = field.meta() ?? {};
  return { service, fallback: fallback && withoutHome(fallback), required, meaning: field.description };
}

/** A path below the home directory of whoever runs this, as everybody may read it. @param {string} text */
const withoutHome = (text) => (text === homedir() || text.startsWith(homedir() + sep) ? `~${text.slice(homedir().length)}` : text);

/** The whole reference. @param {Variables} variables */
export function configurationPage(variables) {
  const rows = [...variables].map(([name, readings]) => `| \`${name}\` | ${defaultOf(name, readings)} | ${readings.map(({ service }) => service).join(', ')} | ${meaningOf(readings)} |`);
  return `${[
    '# Environment variables',
    'Generated from the schemas in `apps/*/src/**/*.config.ts` by `node tools/docs/generate.js`; do not edit. What to set for which purpose: [configuration.md](../configuration.md).',
    'A variable that is set but empty counts as not set. A value that does not fit ends the process with code 78 and a message that names the variable.',
    ['| variable | default | read by | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n')}\n`;
}

/** The default that all services agree on. @param {string} name @param {Reading[]} readings */
function defaultOf(name, readings) {
  const given = new Set(readings.filter(({ required }) => !required).map(({ fallback }) => fallback));
  if (given.size > 1) throw new Error(`${name} has different defaults: ${[...given].join(', ')}.`);
  const [fallback] = given;
  if (fallback) return `\`${fallback}\``;
  return readings.every(({ required }) => required) ? 'required' : '–';
}

/** One meaning, or each service's own. @param {Reading[]} readings */
function meaningOf(readings) {
  const meanings = new Set(readings.map(({ meaning }) => meaning));
  const text = meanings.size === 1 ? [...meanings].join('') : readings.map(({ service, meaning }) => `${service}: ${meaning}`).join('; ');
  return text.replaceAll('|', String.raw`\|`).replaceAll('<', '&lt;');
}
