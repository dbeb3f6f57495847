import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nSINKHOLE';

/** Listens on all of this host's addresses, TCP and UDP, and on an abstract unix socket; remembers what comes. */
export class Sinkhole {
  /** What has come, with where from and how much. */
  readonly received: string[] = [];
  /** Behind a zero byte. */
  readonly abstractName = `codex-mcp-sinkhole-${randomBytes(6).toString('hex')}`;
  private readonly servers: Server[] = [];
  private readonly datagrams: Datagrams[] = [];
  private readonly open = new Set<Socket>();

  private constructor(readonly port: number) {}

  static async start(): Promise<Sinkhole> {
    const first = createServer();
    first.listen(0, '0.0.0.0');
    await once(first, 'listening');
    const sinkhole = new Sinkhole((first.address() as AddressInfo).port);
    sinkhole.serve(first, 'TCP');
    await sinkhole.listen('TCP over IPv6', { port: sinkhole.port, host: '::', ipv6Only: true }).catch(() => undefined); // not every machine has IPv6
    await sinkhole.listen('abstract socket', { path: `\0${sinkhole.abstractName}` }).catch(() => undefined); // nor every Node abstract sockets
    await sinkhole.bind();
    return sinkhole;
  }

  /** This host's addresses, as an agent might know them. */
  get addresses(): { v4: string[]; v6: string[] } {
    const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []).filter(({ internal }) => !internal);
    const of = (family: string) => all.filter((one) => one.family === family).map(({ address }) => address);
    return { v4: of('IPv4'), v6: of('IPv6') };
  }

  close(): void {
    for (const one of [...this.servers, ...this.datagrams]) one.close();
    for (const socket of this.open) socket.destroy();
  }

  private serve(server: Server, how: string): void {
    this.servers.push(server);
    server.on('connection', (socket) => {
      this.open.add(socket);
      this.received.push(`${how} from ${socket.remoteAddress ?? 'this machine'}`);
      socket.on('data', (data) => this.received.push(`${data.length} bytes over ${how}`)).on('error', () => undefined).on('close', () => this.open.delete(socket));
      socket.write(ANSWER);
    });
  }

  private async listen(how: string, options: { port: number; host: string; ipv6Only: boolean } | { path: string }): Promise<void> {
    const server = createServer().listen(options);
    await once(server, 'listening');
    this.serve(server, how);
  }

  private async bind(): Promise<void> {
    const socket = createSocket({ type: 'udp4' }).bind(this.port, '0.0.0.0');
    await once(socket, 'listening');
    socket.on('message', (data, { address }) => this.received.push(`${data.length} bytes over UDP from ${address}`));
    this.datagrams.push(socket);
  }
}
