// @ts-check
// .env.example is written by hand; this compares it with what exists: the schemas, docker-compose.yml and docs/configuration.md.

/** @typedef {import('./configuration.js').Variables} Variables */
/** @typedef {{ example: string, compose: string, guide: string }} Texts of .env.example, docker-compose.yml and docs/configuration.md */

const interpolation = /\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g;

/** What is wrong with .env.example, a line each. @param {Variables} variables @param {Texts} texts @returns {string[]} */
export function envExampleProblems(variables, { example, compose, guide }) {
  const shown = new Map([...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
  const inCompose = defaultsOf(compose);
  const exists = (/** @type {string} */ name) => variables.has(name) || inCompose.has(name);
  const firstCells = [...guide.matchAll(/^\| ([^|]*)\|/gm)].map(([, cell = '']) => cell).join('');
  const inGuide = [...firstCells.matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map(([, name = '']) => name);
  const missing = new Set([...inCompose.keys(), ...inGuide.filter(exists)].filter((name) => !shown.has(name)));
  return [
    ...[...shown.keys()].filter((name) => !exists(name)).map((name) => `.env.example: ${name} is read by nothing`),
    ...[...missing].map((name) => `.env.example: ${name} is missing; docker-compose.yml or docs/configuration.md has it`),
    ...[...shown].flatMap(([name, value]) => wrongDefault(name, value, [variables.get(name)?.find(({ fallback }) => fallback)?.fallback, inCompose.get(name)])),
  ];
}

/** The variables of docker-compose.yml with the defaults it gives them. @param {string} compose */
function defaultsOf(compose) {
  /** @type {Map<string, string>} */
  const defaults = new Map();
  for (const [, name = '', fallback = ''] of compose.matchAll(interpolation)) if (!defaults.get(name)) defaults.set(name, fallback);
  return defaults;
}

/** The file says that it shows defaults. @param {string} name @param {string} value @param {(string | undefined)[]} defaults */
function wrongDefault(name, value, defaults) {
  const known = defaults.filter(Boolean);
  const isNumber = (/** @type {unknown} */ text) => text !== '' && Number.isFinite(Number(text));
  const fits = value === '' || known.some((fallback) => fallback === value || (isNumber(fallback) && isNumber(value) && Number(fallback) === Number(value)));
  return fits ? [] : [`.env.example: ${name} shows ${value}, but its default is ${known.join(' or ') || 'not set'}`];
}
