import type { ModelTokens } from '@codex-mcp/contracts';
import { z } from 'zod';
import { BYTES_PER_TOKEN } from './asked-request.js';
import { MemberScanner } from './member-scanner.js';

/** Enough of a line to tell what it is. */
const HEAD_BYTES = 120;
const LINE_FEED = 0x0a;

/** Events that hold the whole response: the first names the model, the last has the tokens. */
const WHOLE = /^response\.(created|completed|incomplete|failed)$/;
const ENDED = /^response\.(completed|incomplete|failed)$/;
const TYPE = /^data: ?\{\s*"type":\s*"([\w.]+)"/;

const count = z.int().nonnegative().catch(0);
const Usage = z.object({
  input_tokens: count,
  output_tokens: count,
  input_tokens_details: z.object({ cached_tokens: count, cache_write_tokens: count }).partial().nullish().catch(null),
  output_tokens_details: z.object({ reasoning_tokens: count }).partial().nullish().catch(null),
});

const ModelName = z.string().regex(/^[\w.:/-]{1,80}$/);
/** Stands for a model whose name did not arrive. */
export const UNKNOWN_MODEL = 'unknown';

const MEMBERS = ['model', 'usage'];

/** Reads an answer of the model's API as it passes, a stream of events or one JSON document, and keeps nothing of it. */
export class ResponseUsageReader {
  model = UNKNOWN_MODEL;
  /** Undefined until the answer has told them. */
  tokens: ModelTokens | undefined;
  private events = 0;
  private documentBytes = 0;
  /** The model's service has said that there is no answer, or no more of it. */
  hasFailed = false;
  private readonly document: MemberScanner | undefined;
  private event = '';
  private head = '';
  private line: 'beginning' | 'passed over' | MemberScanner = 'beginning';

  constructor(isStream: boolean) {
    this.document = isStream ? undefined : new MemberScanner([], MEMBERS);
  }

  /** Tokens that have passed, about: pieces of a streamed answer, a document's bytes by four. */
  get pieces(): number {
    return this.document ? Math.ceil(this.documentBytes / BYTES_PER_TOKEN) : this.events;
  }

  pass(chunk: Buffer): void {
    this.documentBytes += chunk.length;
    if (this.document) return this.document.pass(chunk);
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(LINE_FEED, at);
      const stop = end === -1 ? chunk.length : end;
      this.take(chunk.subarray(at, stop));
      if (end !== -1) this.endLine();
      at = stop + 1;
    }
  }

  /** The answer is over, wherever it was. */
  end(): void {
    if (this.document) this.learn(this.document);
  }

  private take(bytes: Buffer): void {
    if (this.line === 'passed over') return;
    if (this.line !== 'beginning') return this.line.pass(bytes);
    const own = bytes.subarray(0, HEAD_BYTES - this.head.length);
    this.head += own.toString('latin1');
    if (this.head.length < HEAD_BYTES) return;
    this.begin();
    this.take(bytes.subarray(own.length));
  }

  /** What becomes of the line whose head is there. */
  private begin(): void {
    this.line = 'passed over';
    if (!this.head.startsWith('data:')) return;
    const type = this.event || (TYPE.exec(this.head)?.[1] ?? '');
    if (type.endsWith('.delta')) this.events += 1;
    if (type === 'response.failed') this.hasFailed = true;
    this.event = type;
    if (!WHOLE.test(type)) return;
    this.line = new MemberScanner(['response'], MEMBERS);
    this.line.pass(Buffer.from(this.head.slice('data:'.length), 'latin1'));
  }

  private endLine(): void {
    if (this.line === 'beginning') this.begin();
    if (this.head.startsWith('event:')) this.event = this.head.slice('event:'.length).trim();
    if (this.line instanceof MemberScanner) this.learn(this.line, ENDED.test(this.event));
    if (this.head === '' || this.head === '\r') this.event = '';
    this.head = '';
    this.line = 'beginning';
  }

  private learn(scanner: MemberScanner, isEnd = true): void {
    this.model = ModelName.safeParse(scanner.get('model')).data ?? this.model;
    const usage = isEnd ? Usage.safeParse(scanner.get('usage')).data : undefined;
    if (!usage) return;
    const { input_tokens: input, output_tokens: output, input_tokens_details: ofInput, output_tokens_details: ofOutput } = usage;
    const cached = Math.min(input, ofInput?.cached_tokens ?? 0);
    this.tokens = { input, cached, cacheWrites: Math.min(input - cached, ofInput?.cache_write_tokens ?? 0), output, reasoning: ofOutput?.reasoning_tokens ?? 0 };
  }
}
