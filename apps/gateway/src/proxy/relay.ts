import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { toAgent } from './headers.js';

export type RelayEnd = 'completed' | 'agent_gone' | 'upstream_failed' | 'unauthorized';

type Controller = Dispatcher.DispatchController;
type UpstreamHeaders = Parameters<typeof toAgent>[0];

/**
 * Passes one upstream response on to the agent, chunk by chunk and at the agent's pace. When the agent
 * leaves, the upstream request is aborted; when the upstream breaks off, so does the agent's response.
 */
export class Relay implements Dispatcher.DispatchHandler {
  status: number | undefined;
  firstByteMs: number | undefined;
  bytes = 0;
  error: Error | undefined;
  /** Resolves once, when nothing more will be written to the agent by the relay. */
  readonly ended: Promise<RelayEnd>;
  private readonly startedAt = performance.now();
  private controller: Controller | undefined;
  private end!: (how: RelayEnd) => void;
  private held: { headers: UpstreamHeaders; chunks: Buffer[] } | undefined;

  /** With `holdUnauthorized`, a 401 ends the relay before anything is written, until {@link release}. */
  constructor(
    private readonly response: ServerResponse,
    private readonly holdUnauthorized = false,
  ) {
    this.ended = new Promise((resolve) => (this.end = resolve));
    response.on('drain', () => this.controller?.resume());
    response.on('close', () => this.onAgentClose());
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller;
    if (this.response.destroyed) controller.abort(new Error('the agent has disconnected'));
  }

  onResponseStart(_controller: Controller, status: number, headers: UpstreamHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.firstByteMs = performance.now() - this.startedAt;
    if (status === 401 && this.holdUnauthorized) {
      this.held = { headers, chunks: [] };
      return;
    }
    this.response.writeHead(status, toAgent(headers));
    this.response.flushHeaders();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.held) this.held.chunks.push(chunk);
    else if (!this.response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.held) return this.end('unauthorized');
    this.response.end();
    this.end('completed');
  }

  /** Gives the agent the 401 that was held. */
  release(): void {
    if (!this.held || this.response.destroyed) return;
    this.response.writeHead(401, toAgent(this.held.headers)).end(Buffer.concat(this.held.chunks));
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.error = error;
    if (this.response.headersSent) this.response.destroy();
    this.end('upstream_failed');
  }

  private onAgentClose(): void {
    if (this.response.writableFinished) return;
    this.end('agent_gone');
    this.controller?.abort(new Error('the agent has disconnected'));
  }
}
