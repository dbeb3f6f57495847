/** Tell that the answer will come; nothing of it is in them. */
const PRELIMINARY = /^(response\.(created|queued|in_progress)|codex\.\w+|keepalive|ping)$/;
/** More than any preliminary event; `response.created` repeats the instructions and tools of the request. */
const MAX_BYTES = 1024 * 1024;
const END_OF_EVENT = /\r?\n\r?\n/;

export type Opening = { readonly kind: 'undecided' } | { readonly kind: 'begins' } | { readonly kind: 'failed'; readonly data: string };

/** Reads the first server-sent events of an answer, until one tells whether it begins or has failed. */
export class StreamOpening {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  /** Takes a chunk in. */
  add(chunk: Buffer): Opening {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    const events = this.held.toString('utf8').split(END_OF_EVENT);
    const unfinished = events.pop() ?? '';
    for (const event of events) {
      const { name, data } = read(event);
      if (name === 'response.failed') return { kind: 'failed', data };
      if (name !== undefined && !PRELIMINARY.test(name)) return { kind: 'begins' };
    }
    return this.bytes > MAX_BYTES || isOther(unfinished) ? { kind: 'begins' } : { kind: 'undecided' };
  }

  /** All that was taken in. */
  get held(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** A comment has no name; an event without a name or with an unknown one is what the stream is about. */
function read(event: string): { name: string | undefined; data: string } {
  const lines = event.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith(':'));
  const field = (name: string) => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim();
  return { name: lines.length === 0 ? undefined : (field('event') ?? 'message'), data: field('data') ?? '' };
}

/** The beginning of an event names it before all of it is there. */
function isOther(unfinished: string): boolean {
  const name = /^event: ?([^\r\n]+)\r?\n/.exec(unfinished)?.[1];
  return name !== undefined && name !== 'response.failed' && !PRELIMINARY.test(name);
}
