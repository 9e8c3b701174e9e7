import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What a balancer knows of a node. */
export interface Backend {
  readonly port: number;
  /** False while a health check has taken it out. */
  isTaken(): boolean;
}

/** A balancer for TCP: an address of its own, which leads to one of several nodes. */
export interface FrontDoor {
  readonly url: string;
  /** Ends the connections that there are; whoever had one comes back, and may be led elsewhere. */
  cut(): void;
  close(): Promise<void>;
}

/** Opens a door that leads to the first node that takes a connection, in the order in which they are given. */
export async function openFrontDoor(backends: readonly Backend[]): Promise<FrontDoor> {
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (near) => {
    keep(near);
    lead(near, backends);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.setNoDelay();
    socket.on('close', () => sockets.delete(socket));
  }

  function lead(near: Socket, [backend, ...others]: readonly Backend[]): void {
    if (!backend || near.destroyed) return void near.destroy();
    if (!backend.isTaken()) return lead(near, others);
    const far = connect(backend.port, '127.0.0.1');
    const next = () => lead(near, others);
    far.once('error', next);
    far.once('connect', () => {
      far.off('error', next);
      keep(far);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on('error', () => undefined);
        one.on('close', () => other.destroy());
        one.pipe(other);
      }
      near.resume();
    });
  }

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
