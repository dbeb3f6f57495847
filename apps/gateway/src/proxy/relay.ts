import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { toAgent } from './headers.js';

export type RelayEnd = 'completed' | 'agent_gone' | 'upstream_failed';

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

  constructor(private readonly response: ServerResponse) {
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
    this.response.writeHead(status, toAgent(headers));
    this.response.flushHeaders();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (!this.response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.response.end();
    this.end('completed');
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
