const MAX_LINE_CHARACTERS = 500;

export type Match = { path: string; line: number; text: string; before?: string[]; after?: string[] };

/** Reads `path NUL line:text` of ripgrep and grep, `-` instead of `:` for lines of context; each match gets its own context. */
export function parseMatches(output: string, contextLines: number): Match[] {
  const texts = new Map<string, string>();
  const found: { path: string; line: number }[] = [];
  for (const record of output.split('\n')) {
    const [, path = '', number = '', kind, text = ''] = /^([^\0]+)\0(\d+)([:-])(.*)$/s.exec(record) ?? [];
    if (kind === undefined) continue;
    texts.set(`${path}\0${number}`, text.length > MAX_LINE_CHARACTERS ? `${text.slice(0, MAX_LINE_CHARACTERS)}…` : text);
    if (kind === ':') found.push({ path, line: Number(number) });
  }
  const lines = (path: string, from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => texts.get(`${path}\0${from + at}`)).filter((text) => text !== undefined);
  return found.map(({ path, line }) => ({
    path,
    line,
    text: texts.get(`${path}\0${line}`) ?? '',
    ...(contextLines > 0 && { before: lines(path, line - contextLines, line - 1), after: lines(path, line + 1, line + contextLines) }),
  }));
}
