const codeOf = (character: string): number => character.charCodeAt(0);
const [QUOTE, BACKSLASH, OPEN, CLOSE, LIST, LIST_END, COMMA, COLON] = ['"', '\\', '{', '}', '[', ']', ',', ':'].map(codeOf) as [number, number, number, number, number, number, number, number];

/** Longer than the names and values that anybody looks for. */
const MAX_BYTES = 8192;

/**
 * Finds members of the object at `path` in a JSON document that passes in pieces, and keeps nothing of it but their values.
 * Brackets and quotes are followed, so that no text inside the document can pass for a member.
 */
export class MemberScanner {
  private readonly values = new Map<string, string>();
  private depth = 0;
  /** The depth of the object whose keys count: as much of the path as has been entered, and one. */
  private level = 1;
  private key = '';
  private expectsKey = true;
  private place: 'outside' | 'string' | 'escape' = 'outside';
  /** What is being kept: a key, or the value of one that is looked for. */
  private keeps: 'nothing' | 'key' | 'value' = 'nothing';
  private kept: number[] = [];

  constructor(
    private readonly path: readonly string[],
    private readonly names: readonly string[],
  ) {}

  pass(bytes: Buffer): void {
    const nextOf = (byte: number, from: number) => {
      const found = bytes.indexOf(byte, from);
      return found === -1 ? bytes.length : found;
    };
    let escapeAt = -1;
    for (let at = 0; at < bytes.length; at++) {
      if (this.place === 'string' && this.keeps === 'nothing') {
        // Most of a document is text that nobody keeps: it is passed over up to its next escape or its end.
        if (escapeAt < at) escapeAt = nextOf(BACKSLASH, at);
        at = Math.min(escapeAt, nextOf(QUOTE, at));
      }
      const byte = bytes[at];
      if (byte !== undefined) this.take(byte);
    }
  }

  /** The member's value, parsed; undefined where it was not found. */
  get(name: string): unknown {
    try {
      return JSON.parse(this.values.get(name) ?? '') as unknown;
    } catch {
      return undefined;
    }
  }

  private take(byte: number): void {
    if (this.place !== 'outside') return this.inString(byte);
    const isHere = this.depth === this.level;
    if (byte === QUOTE) {
      this.place = 'string';
      if (isHere && this.expectsKey) this.keep('key');
    } else if (byte === COLON && isHere && this.keeps === 'nothing') {
      this.expectsKey = false;
      if (this.level > this.path.length && this.names.includes(this.key)) return this.keep('value');
    } else if (isHere && (byte === COMMA || byte === CLOSE)) {
      this.endValue();
      this.expectsKey = byte === COMMA;
    }
    if (byte === OPEN || byte === LIST) this.enter(byte);
    if (this.keeps === 'value') this.add(byte);
    if (byte === CLOSE || byte === LIST_END) this.leave();
  }

  private inString(byte: number): void {
    if (this.place === 'escape') this.place = 'string';
    else if (byte === BACKSLASH) this.place = 'escape';
    else if (byte === QUOTE) this.place = 'outside';
    if (this.keeps === 'value') this.add(byte);
    if (this.keeps !== 'key') return;
    if (this.place !== 'outside') return this.add(byte);
    this.key = Buffer.from(this.kept).toString('utf8');
    this.keeps = 'nothing';
  }

  private enter(byte: number): void {
    const isNext = byte === OPEN && this.depth === this.level && this.keeps === 'nothing' && this.key === this.path[this.level - 1];
    if (isNext) this.level += 1;
    this.depth += 1;
    if (this.depth === this.level) this.expectsKey = byte === OPEN;
  }

  private leave(): void {
    this.depth -= 1;
    if (this.level > 1 && this.depth === this.level - 1) {
      this.level -= 1;
      this.key = '';
    }
  }

  private keep(what: 'key' | 'value'): void {
    this.keeps = what;
    this.kept = [];
  }

  private add(byte: number): void {
    if (this.kept.length < MAX_BYTES) this.kept.push(byte);
  }

  private endValue(): void {
    if (this.keeps === 'value') this.values.set(this.key, Buffer.from(this.kept).toString('utf8'));
    this.keeps = 'nothing';
  }
}
