import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

type Fate =
  | 'pass'
  /** Everything that is sent disappears, and nobody is told. */
  | 'swallow'
  /** COMMIT arrives and is carried out; the connection ends before its answer is back. */
  | 'lose-answer-to-commit'
  /** The connection ends before COMMIT arrives. */
  | 'lose-commit';

/** The wire between a store and its server, which a test cuts where it likes. */
export class Wire {
  /** The server's address by way of this wire. */
  readonly url: string;
  readonly #door: Server;
  readonly #sockets = new Set<Socket>();
  #fate: Fate = 'pass';
  #isCut = false;
  #onStruck = () => {};

  static async to(url: string): Promise<Wire> {
    const target = new URL(url);
    const door = createServer();
    const wire = new Wire(door.listen(0, '127.0.0.1'), target);
    await once(door, 'listening');
    target.host = `127.0.0.1:${(door.address() as AddressInfo).port}`;
    Object.assign(wire, { url: target.href });
    return wire;
  }

  private constructor(door: Server, target: URL) {
    this.url = '';
    this.#door = door;
    const { hostname, port } = target;
    door.on('connection', (near) => this.#join(near, connect(Number(port || 5_432), hostname)));
  }

  /** Decides what happens from now on; `lose-…` strikes once, and resolves when it has. */
  meet(fate: Fate): Promise<void> {
    this.#fate = fate;
    return new Promise((resolve) => (this.#onStruck = resolve));
  }

  /** Ends every connection and takes no new one. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
    this.#fate = 'pass';
  }

  async close(): Promise<void> {
    this.cut();
    this.#door.close();
    await once(this.#door, 'close');
  }

  #join(near: Socket, far: Socket): void {
    if (this.#isCut) {
      near.destroy();
      far.destroy();
      return;
    }
    let isDoomed = false;
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      this.#sockets.add(socket.setNoDelay());
      socket
        .on('error', () => {})
        .on('close', () => {
          this.#sockets.delete(socket);
          end();
        });
    }
    near.on('data', (chunk) => {
      if (this.#fate === 'swallow') return;
      const strikes = this.#fate.startsWith('lose') && chunk.includes('commit\0');
      if (strikes && this.#fate === 'lose-commit') end();
      else far.write(chunk);
      if (!strikes) return;
      isDoomed = true;
      this.#fate = 'pass';
      this.#onStruck();
    });
    far.on('data', (chunk) => {
      if (isDoomed) end();
      else if (this.#fate !== 'swallow') near.write(chunk);
    });
  }
}
