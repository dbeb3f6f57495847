// @ts-check
// The table of error codes in docs/troubleshooting.md is written by hand, for its advice; this compares it with the codes that exist.

/** @typedef {Record<string, { httpStatus: number, retryable: boolean }>} ErrorClasses */

const row = /^\| `(\w+)` \| (\d{3}) \| (yes|no) \| /gm;

/** What is wrong with the table, a line each. @param {ErrorClasses} classes @param {string} page @returns {string[]} */
export function errorCodeProblems(classes, page) {
  const listed = new Map([...page.matchAll(row)].map(([, code = '', status = '', again = '']) => [code, `${status} ${again}`]));
  const meant = new Map(Object.entries(classes).map(([code, { httpStatus, retryable }]) => [code, `${httpStatus} ${retryable ? 'yes' : 'no'}`]));
  return [
    ...[...meant].filter(([code, facts]) => listed.get(code) !== facts).map(([code, facts]) => `docs/troubleshooting.md: ${code} must be listed with ${facts}`),
    ...[...listed.keys()].filter((code) => !meant.has(code)).map((code) => `docs/troubleshooting.md: there is no error code ${code}`),
  ];
}
