/** Characters of all strings and keys in a JSON value. Iterative: callers may nest deeper than the stack reaches. */
export function measureText(root: unknown, maxDepth: number): { characters: number; tooDeep: boolean } {
  const pending: { value: unknown; depth: number }[] = [{ value: root, depth: 0 }];
  let characters = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, depth } = next;
    if (typeof value === 'string') characters += value.length;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > maxDepth) return { characters, tooDeep: true };
    for (const [key, child] of Object.entries(value)) {
      if (!Array.isArray(value)) characters += key.length;
      pending.push({ value: child, depth: depth + 1 });
    }
  }
  return { characters, tooDeep: false };
}
