/**
 * A copy without properties that are null or undefined, at any depth: structured outputs write null for
 * "not said", which everywhere else is an absent property. Nulls in lists stay.
 */
export function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, child]) => child !== null && child !== undefined);
  return Object.fromEntries(present.map(([key, child]) => [key, withoutAbsent(child)]));
}
