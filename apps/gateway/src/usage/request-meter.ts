import type { ModelTokens } from '@codex-mcp/contracts';
import type { AskedRequest } from './asked-request.js';
import { ResponseUsageReader, UNKNOWN_MODEL } from './response-usage.reader.js';

/** So much is kept of an answer until it is read. */
const MAX_UNREAD_BYTES = 64 * 1024;

export type Metered = { readonly model: string; readonly tokens: ModelTokens; readonly isEstimated: boolean };

/** Counts the tokens of one answer while it passes, and tells them once: as soon as the answer does, or at its end. */
export class RequestMeter {
  private reader: ResponseUsageReader | undefined;
  /** What has passed and is still to be read. */
  private unread: Buffer[] = [];
  private unreadBytes = 0;
  private state: 'unsent' | 'sent' | 'refused' = 'unsent';
  private isSettled = false;

  constructor(
    private readonly asked: AskedRequest,
    private readonly onMetered: (metered: Metered) => void,
    private readonly later: (work: () => void) => void,
  ) {}

  /** The request goes to the model's service: from now on it costs something. */
  sent(): void {
    this.state = 'sent';
  }

  /** An answer that is no refusal begins. */
  begin(isStream: boolean): void {
    this.reader = new ResponseUsageReader(isStream);
  }

  /** The service has refused the request, or was not there to answer it. */
  refused(): void {
    this.state = 'refused';
  }

  /** Reads it later, where it is not much: metering delays no answer. */
  pass(chunk: Buffer): void {
    this.unreadBytes += chunk.length;
    if (this.unread.push(chunk) === 1) this.later(() => this.read());
    if (this.unreadBytes > MAX_UNREAD_BYTES) this.read();
  }

  /** Nothing more will pass. An answer that broke off counts with what is known of it, also where nothing had come yet. */
  end(): void {
    this.read();
    const { reader } = this;
    reader?.end();
    if (reader?.tokens) return this.settle(reader.model, reader.tokens, false);
    const pieces = reader?.pieces ?? 0;
    if (this.isSettled || this.state !== 'sent' || (reader?.hasFailed && pieces === 0)) return;
    this.settle(reader?.model ?? UNKNOWN_MODEL, { input: this.asked.inputTokens, cached: 0, cacheWrites: 0, output: pieces, reasoning: 0 }, true);
  }

  private read(): void {
    for (const chunk of this.unread.splice(0)) this.reader?.pass(chunk);
    this.unreadBytes = 0;
    if (this.reader?.tokens) this.settle(this.reader.model, this.reader.tokens, false);
  }

  private settle(model: string, tokens: ModelTokens, isEstimated: boolean): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.onMetered({ model, tokens, isEstimated });
  }
}
