/** A simple command of a shell line, and the operator that follows it: `&&`, `||`, `;`, `|`, `&`, or nothing at the end. */
export type SimpleCommand = { words: string[]; next: string };

const OPERATORS = ['&&', '||', ';', '|', '&', '\n'];
/** A redirection, with the word that it goes to where that follows it directly: `2>&1`, `>out.txt`, `2>`. */
const REDIRECTION = /^(?:\d*|&)(?:>>?|<<?<?)(?:&?[^\s;|&()]+)?/;
const ENDS_WORD = /[\s;|&()]/;

/**
 * Reads a shell line as far as its simple commands go: quotes are taken off, redirections and parentheses left out. It is
 * no shell: what is inside `$(…)`, loops and functions is read as words.
 */
export function parseShellLine(line: string): SimpleCommand[] {
  const commands: SimpleCommand[] = [];
  let words: string[] = [];
  const end = (next: string) => {
    if (words.length > 0) commands.push({ words, next });
    else if (next !== '' && commands.length > 0) (commands.at(-1) as SimpleCommand).next ||= next;
    words = [];
  };
  for (let at = 0; at < line.length; ) {
    const rest = line.slice(at);
    const redirection = REDIRECTION.exec(rest)?.[0];
    const operator = OPERATORS.find((one) => rest.startsWith(one));
    if (redirection !== undefined && redirection !== '') at += redirectionLength(rest, redirection);
    else if (operator !== undefined) {
      end(operator === '\n' ? ';' : operator);
      at += operator.length;
    } else if (/[\s()]/.test(rest.charAt(0))) at += 1;
    else {
      const { word, length } = readWord(rest);
      words.push(word);
      at += length;
    }
  }
  end('');
  return commands;
}

/** Of a redirection whose file is a word of its own, with that word. */
function redirectionLength(rest: string, redirection: string): number {
  if (!/[<>]$/.test(redirection)) return redirection.length;
  const space = /^\s*/.exec(rest.slice(redirection.length))?.[0].length ?? 0;
  const from = redirection.length + space;
  return from + readWord(rest.slice(from)).length;
}

function readWord(text: string): { word: string; length: number } {
  let word = '';
  let quote = '';
  let at = 0;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === '' && ENDS_WORD.test(character)) break;
    if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === '\\' && quote !== "'") word += text.charAt(++at);
    else word += character;
  }
  return { word, length: Math.max(at, 1) };
}
