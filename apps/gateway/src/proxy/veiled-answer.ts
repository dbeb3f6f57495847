import type { Dispatcher } from 'undici';
import type { Credential } from '../credentials/credential.js';

/**
 * Hides the credential that a request was sent with in an answer that refuses it: services repeat keys in their errors,
 * and what the agent sees ends in its conversation. The answer keeps its length.
 */
export class VeiledAnswer implements Dispatcher.DispatchHandler {
  private readonly secret: string;
  private refuses = false;
  /** The end of what has come, in which the secret may have begun. */
  private held = '';

  constructor(
    private readonly answer: Required<Pick<Dispatcher.DispatchHandler, 'onRequestStart' | 'onResponseStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError'>>,
    credential: Credential,
  ) {
    this.secret = (credential.method === 'api_key' ? credential.apiKey : credential.accessToken).reveal();
  }

  onRequestStart(...start: Parameters<typeof this.answer.onRequestStart>): void {
    this.answer.onRequestStart(...start);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, ...rest: [Record<string, string | string[]>, string?]): void {
    this.refuses = status >= 400;
    this.answer.onResponseStart(controller, status, ...rest);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.refuses) return this.answer.onResponseData(controller, chunk);
    const text = this.veiled(chunk);
    const end = Math.max(0, text.length - this.secret.length + 1);
    this.held = text.slice(end);
    if (end > 0) this.answer.onResponseData(controller, Buffer.from(text.slice(0, end), 'latin1'));
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: Record<string, string | string[]>): void {
    if (this.held !== '') this.answer.onResponseData(controller, Buffer.from(this.held, 'latin1'));
    this.answer.onResponseEnd(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.answer.onResponseError(controller, error);
  }

  private veiled(chunk: Buffer): string {
    return (this.held + chunk.toString('latin1')).replaceAll(this.secret, '*'.repeat(this.secret.length));
  }
}
