import { z } from 'zod';
import { Secret } from './secret.js';

/** An environment variable left empty counts as not set, as compose files pass `${X:-}`. */
const blankAsUnset = (value: unknown): unknown => (value === '' ? undefined : value);

const text = z.preprocess(blankAsUnset, z.string().optional());

/** The default as one would write it in the environment: what the documents show. */
const shown = (fallback: string | number | boolean): { default: string } => ({ default: String(fallback) });

export const optionalText = () => text;

export const textWithDefault = (fallback: string) => text.transform((value) => value ?? fallback).meta(shown(fallback));

export const optionalSecret = () => text.transform((value) => (value === undefined ? undefined : new Secret(value)));

export const requiredSecret = (hint: string) =>
  z.preprocess(blankAsUnset, z.string({ error: `must be set: ${hint}` })).transform((value) => new Secret(value)).meta({ required: true });

export const flag = (fallback: boolean) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.trim().toLowerCase() : value) || undefined,
    z.enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'], { error: 'must be true or false' }).optional(),
  ).transform((value) => (value === undefined ? fallback : ['true', '1', 'yes', 'on'].includes(value))).meta(shown(fallback));

const number = (fallback: number, fits: (value: number) => boolean, hint: string) =>
  text.transform((value, context) => {
    const parsed = value === undefined ? fallback : Number(value);
    if (fits(parsed)) return parsed;
    context.addIssue({ code: 'custom', message: `must be ${hint}` });
    return z.NEVER;
  }).meta(shown(fallback));

const between = (low: number, high: number) => (value: number) => Number.isInteger(value) && value >= low && value <= high;

export const port = (fallback: number) => number(fallback, between(0, 65_535), 'a port number from 0 to 65535');

export const count = (fallback: number, minimum = 1) => number(fallback, between(minimum, Number.MAX_SAFE_INTEGER), `a whole number, ${minimum} or more`);

export const positive = (fallback: number) => number(fallback, (value) => Number.isFinite(value) && value > 0, 'a number above 0');

/** A sum of money or the like, which may have a fraction; 0 is one too. */
export const amount = (fallback: number) => number(fallback, (value) => Number.isFinite(value) && value >= 0, 'a number, 0 or more');

/** Seconds in the environment, milliseconds in the program. */
export const seconds = (fallback: number) => positive(fallback).transform((value) => value * 1000).meta(shown(fallback));

/** Hours in the environment, milliseconds in the program. */
export const hours = (fallback: number) => positive(fallback).transform((value) => value * 3_600_000).meta(shown(fallback));

/** One of the given words, in any case. */
export const choice = <const Words extends readonly [string, ...string[]]>(words: Words, fallback: Words[number]) =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? value.trim().toLowerCase() : value) || undefined,
      z.enum(words, { error: `must be one of ${words.join(', ')}` }).optional(),
    )
    .transform((value): Words[number] => value ?? fallback)
    .meta(shown(fallback));

const UNITS: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Docker's notation (`2048m`, `2g`, plain bytes) as bytes. */
export const memorySize = (fallback: string) =>
  textWithDefault(fallback).transform((value, context) => {
    const match = /^(\d+)([bkmg]?)$/i.exec(value.trim());
    if (match) return Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? 1);
    context.addIssue({ code: 'custom', message: 'must be a size such as 512m or 2g' });
    return z.NEVER;
  }).meta(shown(fallback));

/** Paths separated by ":" or ","; empty means none. */
export const pathList = () => textWithDefault('').transform((value) => value.split(/[:,]/).map((path) => path.trim()).filter(Boolean));
