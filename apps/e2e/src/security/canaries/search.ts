import type { Canary } from './canary.js';

type Needle = { readonly canary: Canary; readonly form: string; readonly bytes: Buffer };

/** Whether a place may hold a secret. */
type Allowance = (canary: Canary) => boolean;

const nowhere: Allowance = () => false;

/** Looks for secrets, as they are and in the forms that programs give them, and remembers where each was found. */
export class Search {
  private readonly needles: Needle[] = [];
  private readonly found = new Map<string, number>();
  /** How much was searched. */
  readonly places = new Set<string>();
  bytes = 0;

  constructor(canaries: readonly Canary[]) {
    for (const canary of canaries) this.add(canary);
  }

  add(canary: Canary): void {
    this.needles.push(...[...forms(canary.value)].map(([form, text]) => ({ canary, form, bytes: Buffer.from(text) })));
  }

  /** One line for each secret in each place. */
  get hits(): string[] {
    return [...this.found].map(([hit, times]) => (times > 1 ? `${hit} (${times} times)` : hit));
  }

  look(place: string, content: string | Buffer, allowed: Allowance = nowhere): void {
    this.places.add(place);
    this.scan(place, Buffer.isBuffer(content) ? content : Buffer.from(content), allowed);
  }

  /** The same for what is too large to hold. */
  async lookInto(place: string, stream: AsyncIterable<Buffer | string>, allowed: Allowance = nowhere): Promise<void> {
    this.places.add(place);
    const overlap = Math.max(...this.needles.map(({ bytes }) => bytes.length)) - 1;
    let before = Buffer.alloc(0);
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk);
      this.scan(place, Buffer.concat([before, bytes]), allowed);
      before = Buffer.concat([before, bytes]).subarray(-overlap);
    }
  }

  private scan(place: string, content: Buffer, allowed: Allowance): void {
    this.bytes += content.length;
    for (const { canary, form, bytes } of this.needles) {
      if (!content.includes(bytes) || allowed(canary)) continue;
      const hit = `${canary.name}${form === '' ? '' : ` (${form})`} in ${place}`;
      this.found.set(hit, (this.found.get(hit) ?? 0) + 1);
    }
  }
}

/** A secret as programs write it down. Base64 has three, by where in the text that was encoded it begins. */
function forms(value: string): Map<string, string> {
  const found = new Map([['', value], ['hex', Buffer.from(value).toString('hex')]]);
  for (const [offset, clipped] of [[0, 0], [1, 2], [2, 3]] as const) {
    const encoded = Buffer.from(`${'-'.repeat(offset)}${value}`).toString('base64').replace(/=+$/, '');
    // What stands before and after it has a part in the first and the last characters.
    const own = encoded.slice(clipped, (offset + value.length) % 3 === 0 ? undefined : -1);
    found.set(`base64, ${offset}`, own).set(`base64url, ${offset}`, own.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return found;
}
