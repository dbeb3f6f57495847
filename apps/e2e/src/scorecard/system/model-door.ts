import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '@codex-mcp/testing';

/** A port in front of the fake model that can be closed: whoever connects is then refused, as by a service that is down. */
export class ModelDoor {
  private server = createServer();
  private readonly open = new Set<Socket>();

  private constructor(
    readonly port: number,
    private readonly target: number,
  ) {}

  static async to(target: number): Promise<ModelDoor> {
    const door = new ModelDoor(await freePort(), target);
    await door.unlock();
    return door;
  }

  async unlock(): Promise<void> {
    this.server = createServer((client) => this.pass(client)).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** Also breaks what is under way. */
  async lock(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.open) socket.destroy();
    await closed;
  }

  private pass(client: Socket): void {
    const model = connect(this.target, '127.0.0.1');
    for (const [socket, other] of [[client, model], [model, client]] as const) {
      this.open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.open.delete(socket);
        other.destroy();
      });
    }
    client.pipe(model).pipe(client);
  }
}
