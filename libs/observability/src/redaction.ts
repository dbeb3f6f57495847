/** What secrets look like, wherever they come from: API keys, tokens of git hosts and registries, JWTs, bearer headers, credentials in URLs. */
const SECRETS: readonly [RegExp, string][] = [
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [secret]'],
  [/\bsk-[A-Za-z0-9_-]{8,}/g, '[secret]'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?/g, '[secret]'],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|npm_|xox[abpr]-)[A-Za-z0-9_-]{10,}/g, '[secret]'],
  [/(\w:\/\/)[^\s/@]*@/g, '$1[secret]@'],
];

/** Most texts have nothing of the kind; one look tells. */
const SUSPICIOUS = /sk-|eyJ|:\/\/|bearer|basic|gh[pousr]_|github_pat_|glpat-|npm_|xox[abpr]-/i;

/** A text without what looks like a secret. */
export const redactText = (text: string): string => (SUSPICIOUS.test(text) ? withoutSecrets(text) : text);

const withoutSecrets = (text: string): string => SECRETS.reduce((left, [pattern, word]) => left.replace(pattern, word), text);
