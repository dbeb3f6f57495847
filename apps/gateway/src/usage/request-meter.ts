import type { ModelTokens } from '@codex-mcp/contracts';
import { ResponseUsageReader } from './response-usage.reader.js';

/** JSON with text of any language has about so many bytes for a token; images have far more. */
const BYTES_PER_TOKEN = 4;
/** No more than a model takes, whatever the bytes. */
const MOST_INPUT_TOKENS = 272_000;

export type Metered = { readonly model: string; readonly tokens: ModelTokens; readonly isEstimated: boolean };

/** Counts the tokens of one answer while it passes, and tells them once: as soon as the answer does, or at its end. */
export class RequestMeter {
  private reader: ResponseUsageReader | undefined;
  private hasPassed = false;
  /** What has passed and is still to be read. */
  private unread: Buffer[] = [];
  private isSettled = false;

  constructor(
    private readonly requestBytes: number,
    private readonly onMetered: (metered: Metered) => void,
  ) {}

  /** An answer with status 200 begins. */
  begin(isStream: boolean): void {
    this.reader = new ResponseUsageReader(isStream);
  }

  /** Reads it once this tick's writes have left: metering delays no answer. */
  pass(chunk: Buffer): void {
    this.hasPassed = true;
    if (this.unread.push(chunk) === 1) process.nextTick(() => this.read());
  }

  /** Nothing more will pass. An answer that broke off counts with what is known of it. */
  end(): void {
    this.read();
    const { reader } = this;
    reader?.end();
    if (!reader || !this.hasPassed || (reader.hasFailed && reader.pieces === 0)) return;
    if (reader.tokens) return this.settle(reader.model, reader.tokens, false);
    const input = Math.min(MOST_INPUT_TOKENS, Math.ceil(this.requestBytes / BYTES_PER_TOKEN));
    this.settle(reader.model, { input, cached: 0, cacheWrites: 0, output: reader.pieces, reasoning: 0 }, true);
  }

  private read(): void {
    for (const chunk of this.unread.splice(0)) this.reader?.pass(chunk);
    if (this.reader?.tokens) this.settle(this.reader.model, this.reader.tokens, false);
  }

  private settle(model: string, tokens: ModelTokens, isEstimated: boolean): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.onMetered({ model, tokens, isEstimated });
  }
}
