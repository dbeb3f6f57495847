import type { Random } from '../../scorecard/random.js';

const WORDS = [
  '', ' ', 'x', 'K', 'ａdmin', 'admin\u200b', '\u202eadmin', 'ﬀ', 'é', 'e\u0301', '😀', '\ud800', '\u0000', 'a\u0000b', '\r\nX-Evil: 1', '\ufeffk', 'İ',
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '$where', '{{7*7}}', '${jndi:ldap://x}', '%s%n', '*', '?', '[a-z]', 'a:b', 'codex-mcp:agent:*', "'; FLUSHALL", '`id`', '$(id)', '-rf', '--help',
  '..', '../../../../etc/passwd', '..\\..\\x', '%2e%2e%2fetc%2fpasswd', '/etc/passwd', 'file:///etc/passwd', 'agent://../../x', 'agent://vault/files/../../../etc/passwd', 'http://127.0.0.1:6379/', '/proc/self/environ',
  'null', 'undefined', 'NaN', '1e999', 'true', '[object Object]', 'turn_00000000000000000000000000000000', 'Vault', 'v.ault', 'va/ult', ' vault ', 'VAULT',
] as const;
const CHARACTERS = 'abcXYZ019-_ ./\\:*?%\'"\u0000\n\u0085\u00e9\u0130\u212a\u2028\ud83d\ude00';
const NUMBERS = [0, -0, -1, 1.5, 1e308, -1e308, 2 ** 53, 2 ** 31, 1e-320];
const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'prototype', 'toString'];

export function hostileText(random: Random): string {
  const kind = random.next();
  if (kind < 0.5) return random.pick(WORDS);
  if (kind < 0.85) return Array.from({ length: random.between(1, 70) }, () => CHARACTERS[random.between(0, CHARACTERS.length - 1)]).join('');
  if (kind < 0.97) return `${random.pick(WORDS)}${random.pick(['/', '.', ' ', '-', ':', '\u0000'])}${random.pick(WORDS)}`;
  return random.pick(WORDS).padEnd(random.between(64, 20_000), random.pick(['a', '../', '\u00e9', '"']));
}

/** A value of JSON, of any type; nested no deeper than a stack bears, which the text that is made of it may be. */
export function hostileValue(random: Random, depth = 0): unknown {
  const kind = random.next();
  if (kind < 0.45 || depth > 4) return hostileText(random);
  if (kind < 0.6) return random.pick(NUMBERS);
  if (kind < 0.7) return random.pick([null, true, false]);
  if (kind < 0.85) return Array.from({ length: random.between(0, 5) }, () => hostileValue(random, depth + 1));
  return hostileObject(random, depth);
}

/** With keys of Object's prototype as its own, as JSON.parse makes them. */
export function hostileObject(random: Random, depth = 0): object {
  const keys = Array.from({ length: random.between(0, 5) }, () => (random.next() < 0.4 ? random.pick(PROTOTYPE_KEYS) : hostileText(random)));
  return Object.fromEntries(keys.map((key) => [key, hostileValue(random, depth + 1)]));
}

/** JSON as text, often not quite. */
export function hostileJson(random: Random, value: unknown): string | Buffer {
  const text = JSON.stringify(value);
  const kind = random.next();
  if (kind < 0.6) return text;
  if (kind < 0.68) return text.slice(0, random.between(0, text.length));
  if (kind < 0.74) return `${text}${hostileText(random)}`;
  if (kind < 0.8) return Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0xfe, 0xc0, 0x80]), Buffer.from(text.slice(-1))]);
  if (kind < 0.84) return `\ufeff${text}`;
  if (kind < 0.88) return text.replace('{', '{"__proto__":{"isAdmin":true},"__proto__":[],');
  if (kind < 0.92) return nested(random.between(10, 100_000), text);
  if (kind < 0.96) return `[${Array.from({ length: random.between(1000, 400_000) }, () => '{}').join(',')}]`;
  return JSON.stringify({ message: hostileText(random).padEnd(random.between(100_000, 5_000_000), 'x') });
}

const nested = (depth: number, text: string): string => `${'{"a":['.repeat(depth)}${text}${']}'.repeat(depth)}`;
