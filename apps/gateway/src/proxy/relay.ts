import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { toAgent } from './headers.js';
import { isRefusal, refusalTrouble, streamTrouble, type Trouble } from './model-trouble.js';
import type { RequestMeter } from '../usage/request-meter.js';
import { StreamOpening } from './stream-opening.js';
import { isTimeout } from './upstream.js';

/**
 * `withheld`: nothing of the answer has reached the agent, for the reason in `trouble`, or in `error`.
 * `unauthorized`: nor of a 401; {@link Relay.release} gives it to the agent.
 */
export type RelayEnd = 'completed' | 'agent_gone' | 'upstream_failed' | 'withheld' | 'unauthorized';

type Controller = Dispatcher.DispatchController;
type UpstreamHeaders = Parameters<typeof toAgent>[0];
type Refusal = { headers: UpstreamHeaders; chunks: Buffer[]; bytes: number };

/** Refusals are short; what is longer is passed on as it comes. */
const MAX_REFUSAL_BYTES = 256 * 1024;

/**
 * Passes one upstream response on to the agent, chunk by chunk and at the agent's pace. When the agent
 * leaves, the upstream request is aborted; when the upstream breaks off, so does the agent's response.
 * With `withholds`, a refusal that may pass and a 401 are kept from the agent, and so are the preliminary events of a stream
 * that then fails: the same request may be sent again, and the next answer goes into the same response.
 */
export class Relay implements Dispatcher.DispatchHandler {
  status: number | undefined;
  firstByteMs: number | undefined;
  bytes = 0;
  error: Error | undefined;
  trouble: Trouble | undefined;
  /** Resolves once, when nothing more will be written to the agent by the relay. */
  readonly ended: Promise<RelayEnd>;
  private readonly startedAt = performance.now();
  private controller: Controller | undefined;
  private refusal: Refusal | undefined;
  private opening: StreamOpening | undefined;
  /** What goes to the agent with the next write; undefined where none is due. */
  private unwritten: Buffer[] | undefined;
  private hasEnded = false;
  private resolve!: (how: RelayEnd) => void;

  constructor(
    private readonly response: ServerResponse,
    private readonly withholds: boolean,
    private readonly meter?: RequestMeter,
  ) {
    this.ended = new Promise((resolve) => (this.resolve = resolve));
    response.on('drain', this.onDrain).on('close', this.onAgentClose);
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller;
    if (this.response.destroyed) return controller.abort(new Error('the agent has disconnected'));
    this.meter?.sent();
  }

  onResponseStart(_controller: Controller, status: number, headers: UpstreamHeaders): void {
    if (status < 200 || this.hasEnded) return;
    this.status = status;
    this.firstByteMs = performance.now() - this.startedAt;
    if (status >= 300) this.meter?.refused();
    else this.meter?.begin(isStream(status, headers));
    if (this.withholds && (status === 401 || isRefusal(status))) this.refusal = { headers, chunks: [], bytes: 0 };
    else this.begin(status, headers);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.hasEnded) return;
    if (this.refusal) this.withhold(this.refusal, chunk);
    else if (this.opening) this.look(this.opening, chunk);
    else this.write(chunk);
    // What is held back is counted, too.
    this.meter?.pass(chunk);
  }

  onResponseEnd(): void {
    if (this.hasEnded) return;
    if (this.refusal && this.status === 401) return this.end('unauthorized');
    if (this.refusal) {
      const { headers, chunks } = this.refusal;
      this.trouble = refusalTrouble({ status: this.status ?? 0, headers, body: Buffer.concat(chunks).toString('utf8') });
      if (this.trouble) return this.end('withheld');
      this.show(this.refusal);
    }
    this.pass();
    this.response.end(this.takeUnwritten());
    this.end('completed');
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (this.hasEnded) return;
    this.error = error;
    // A connection that breaks before an answer is the service's outage; one that takes too long may be the request's doing.
    if (this.status === undefined && !isTimeout(error)) this.meter?.refused();
    const isUntouched = this.opening !== undefined || this.refusal !== undefined || !this.response.headersSent;
    if (this.withholds && isUntouched) return this.end('withheld');
    this.flush();
    if (this.response.headersSent) this.response.destroy();
    this.end('upstream_failed');
  }

  /** Gives the agent the 401 that was withheld. */
  release(): void {
    if (this.refusal) this.show(this.refusal);
    this.response.end(this.takeUnwritten());
  }

  /** The head goes to the agent at once. An earlier answer may have sent it; only one of the same kind can go on behind that. */
  private begin(status: number, headers: UpstreamHeaders): void {
    if (this.response.headersSent && !isStream(status, headers)) {
      this.response.destroy();
      return this.abort('upstream_failed');
    }
    if (this.withholds && isStream(status, headers)) this.opening = new StreamOpening();
    if (this.response.headersSent) return;
    this.response.writeHead(status, toAgent(headers));
    this.soon();
  }

  private withhold(refusal: Refusal, chunk: Buffer): void {
    refusal.chunks.push(chunk);
    refusal.bytes += chunk.length;
    if (refusal.bytes > MAX_REFUSAL_BYTES) this.show(refusal);
  }

  private show({ headers, chunks }: Refusal): void {
    this.refusal = undefined;
    this.begin(this.status ?? 0, headers);
    for (const chunk of chunks) this.write(chunk);
  }

  private look(opening: StreamOpening, chunk: Buffer): void {
    const found = opening.add(chunk);
    if (found.kind === 'undecided') return;
    this.trouble = found.kind === 'failed' ? streamTrouble(found.data) : undefined;
    if (this.trouble) return this.abort('withheld');
    this.pass();
  }

  /** Lets the opening of a stream go. */
  private pass(): void {
    const held = this.opening?.held;
    this.opening = undefined;
    if (held && held.length > 0) this.write(held);
  }

  private write(chunk: Buffer): void {
    if (this.response.destroyed) return;
    this.bytes += chunk.length;
    this.soon().push(chunk);
  }

  /** Events that came together, often with the head, leave with one write and not with one each. */
  private soon(): Buffer[] {
    if (!this.unwritten) process.nextTick(() => this.flush());
    return (this.unwritten ??= []);
  }

  private flush(): void {
    if (!this.unwritten || this.response.destroyed || this.response.writableEnded) return;
    const chunk = this.takeUnwritten();
    if (!chunk) this.response.flushHeaders();
    else if (!this.response.write(chunk)) this.controller?.pause();
  }

  private takeUnwritten(): Buffer | undefined {
    const chunks = this.unwritten ?? [];
    this.unwritten = undefined;
    return chunks.length > 1 ? Buffer.concat(chunks) : chunks[0];
  }

  private abort(how: RelayEnd): void {
    this.end(how);
    this.controller?.abort(new Error(`the answer was not passed on (${how})`));
  }

  private end(how: RelayEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.response.off('drain', this.onDrain).off('close', this.onAgentClose);
    this.resolve(how);
  }

  private readonly onDrain = (): void => this.controller?.resume();

  private readonly onAgentClose = (): void => {
    if (this.response.writableFinished) return;
    this.abort('agent_gone');
  };
}

const isStream = (status: number, headers: UpstreamHeaders): boolean => status === 200 && String(headers['content-type']).startsWith('text/event-stream');
