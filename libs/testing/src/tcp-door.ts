import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.js';

/**
 * What becomes of what a client sends. `pass`: it goes on. `swallow`: from here on nothing goes either way over this
 * connection, and nobody is told. `mute`: the same after this piece, which still goes on. `cut`: it goes on, but its
 * answer is withheld and the connection is closed.
 */
export type Fate = 'pass' | 'swallow' | 'mute' | 'cut';
/** Asked for each piece that a client sends, as it comes from the socket. */
export type DoorRule = (sent: Buffer) => Fate;

type Passage = { readonly client: Socket; readonly server: Socket; fate: Fate };

/** A port in front of a server, where connections break as they do in a network. */
export class TcpDoor {
  rule: DoorRule = () => 'pass';
  private readonly passages = new Set<Passage>();
  private readonly server: Server;

  private constructor(
    readonly port: number,
    private readonly target: number,
  ) {
    this.server = createServer((client) => this.pass(client));
  }

  /** In front of a port of this machine. */
  static async to(target: number): Promise<TcpDoor> {
    const door = new TcpDoor(await freePort(), target);
    door.server.listen(door.port, '127.0.0.1');
    await once(door.server, 'listening');
    return door;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const { client, server } of this.passages) for (const socket of [client, server]) socket.destroy();
    await closed;
  }

  private pass(client: Socket): void {
    const passage: Passage = { client, server: connect(this.target, '127.0.0.1'), fate: 'pass' };
    this.passages.add(passage);
    client.on('data', (sent: Buffer) => this.forward(passage, sent));
    passage.server.on('data', (answer: Buffer) => answered(passage, answer));
    for (const [socket, other] of [[client, passage.server], [passage.server, client]] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.passages.delete(passage);
        other.destroy();
      });
    }
  }

  private forward(passage: Passage, sent: Buffer): void {
    if (passage.fate === 'pass') passage.fate = this.rule(sent);
    if (passage.fate !== 'swallow') passage.server.write(sent);
    if (passage.fate === 'mute') passage.fate = 'swallow';
  }
}

function answered({ client, server, fate }: Passage, answer: Buffer): void {
  if (fate === 'pass') client.write(answer);
  if (fate !== 'cut') return;
  client.destroy();
  server.destroy();
}
