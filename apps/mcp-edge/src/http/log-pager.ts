const MAX_PAGE_BYTES = 256 * 1024;
const MAX_PAGE_ENTRIES = 16;

type Read<Entry> = (after: string, limit: number) => Promise<Entry[]>;

/** Reads a log for one reader, at its pace: what it has not taken yet is a page, and a page is one entry or at most 256 KiB of several. */
export class LogPager<Entry extends { readonly frame: string }> {
  private entries = 1;

  constructor(private readonly read: Read<Entry>) {}

  /** The next entries, none at the end. */
  async after(cursor: string): Promise<Entry[]> {
    const page = await this.read(cursor, this.entries);
    let bytes = 0;
    const kept = page.filter(({ frame }, index) => {
      bytes += frame.length;
      return index === 0 || bytes <= MAX_PAGE_BYTES;
    });
    this.entries = bytes > MAX_PAGE_BYTES ? 1 : Math.min(2 * this.entries, MAX_PAGE_ENTRIES);
    return kept;
  }
}
