import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';

/** Writes the events of one Responses API stream, each at once. */
export class SseWriter {
  private sequence = 0;

  constructor(
    private readonly response: ServerResponse,
    private readonly onFirstByte: () => void,
  ) {}

  open(headers: Readonly<Record<string, string>>): void {
    this.response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...headers });
  }

  send(type: string, data: Readonly<Record<string, unknown>>): void {
    if (this.sequence === 0) this.onFirstByte();
    const payload = JSON.stringify({ type, sequence_number: this.sequence++, ...data });
    this.response.write(`event: ${type}\ndata: ${payload}\n\n`);
  }

  end(): void {
    this.response.end();
  }

  /** Breaks the connection once what was sent has left the process. */
  async disconnect(): Promise<void> {
    // Node holds the writes of one tick back until its end.
    await setImmediate();
    const { socket } = this.response;
    if (socket) await new Promise<unknown>((resolve) => socket.write('', resolve));
    socket?.destroy();
  }
}
