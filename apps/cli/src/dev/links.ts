import net from 'node:net';

const HOST = '127.0.0.1';
const MQTT_PORT = 1_883;

interface Link {
  readonly server: net.Server;
  readonly port: number;
  readonly sockets: Set<net.Socket>;
  isCut: boolean;
}

/** Ways to a server that can be cut: one for each who uses it, by name. */
export class Links {
  private readonly links = new Map<string, Link>();

  async open(name: string, url: string): Promise<void> {
    const { protocol, hostname, port } = new URL(url);
    // Its certificate names another host than this link has.
    if (protocol !== 'mqtt:') return;
    const sockets = new Set<net.Socket>();
    const server = net.createServer((client) => {
      if (this.links.get(name)?.isCut !== false) return void client.resetAndDestroy();
      const upstream = net.connect(Number(port || MQTT_PORT), hostname.replace(/^\[|\]$/g, ''));
      const pair = [client, upstream];
      for (const socket of pair) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          for (const each of pair) each.destroy();
        });
      }
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, HOST, resolve);
    });
    const { port: own } = server.address() as net.AddressInfo;
    this.links.set(name, { server, port: own, sockets, isCut: false });
  }

  /** By its link, if it has one. */
  urlFor(name: string, url: string): string {
    const link = this.links.get(name);
    if (link === undefined) return url;
    const through = new URL(url);
    through.hostname = HOST;
    through.port = String(link.port);
    return through.href;
  }

  /** What is open is reset, and what would be opened as well, until it is mended. */
  cut(name: string): boolean {
    const link = this.links.get(name);
    if (link === undefined) return false;
    link.isCut = true;
    for (const socket of link.sockets) socket.resetAndDestroy();
    return true;
  }

  mend(name: string): void {
    const link = this.links.get(name);
    if (link !== undefined) link.isCut = false;
  }

  close(): void {
    for (const { server, sockets } of this.links.values()) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
    this.links.clear();
  }
}
