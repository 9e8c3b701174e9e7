import type { AddressInfo } from 'node:net';
import { newId } from '@parley/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ReturningCrowd } from './returning-crowd.ts';

const CHANNEL = newId();
const EPOCH = newId();

type UpFrame = { readonly type: string; readonly ref: number; readonly id: string; readonly cursors?: object };

/** One connection as the server's script for it sees it. */
interface Visit {
  readonly socket: WebSocket;
  readonly hello: UpFrame;
  say(frame: object): void;
  entry(seq: number): void;
}

let server: WebSocketServer;
let visits: Visit[];
let onSend: (frame: UpFrame, visit: Visit) => void;
let headAtWelcome: number;

beforeEach(async () => {
  visits = [];
  onSend = () => {};
  headAtWelcome = 5;
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    const say = (frame: object) => socket.send(JSON.stringify(frame));
    let visit: Visit | null = null;
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as UpFrame;
      if (visit) return onSend(frame, visit);
      visit = { socket, hello: frame, say, entry: (seq) => say({ type: 'entry', stream: CHANNEL, seq, event: {} }) };
      visits.push(visit);
      say({ type: 'welcome', ref: 0, epoch: EPOCH, heads: { [CHANNEL]: headAtWelcome } });
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
});

afterEach(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

function assemble(): Promise<ReturningCrowd> {
  const { port } = server.address() as AddressInfo;
  const members = [{ token: 'token', writesTo: CHANNEL }];
  return ReturningCrowd.assemble({ port, path: '/', subprotocol: '', members });
}

test('a client is back when it has what the welcome named, and not when it is merely welcome', async () => {
  const crowd = await assemble();
  visits[0]?.entry(6);
  headAtWelcome = 8;
  const killedAt = Date.now();
  visits[0]?.socket.terminate();

  expect(await crowd.comeBack(killedAt, 1_500)).toEqual({ millis: [], neverReturned: 1, turnedAway: 0 });
  expect(visits[1]?.hello.cursors).toEqual({ [CHANNEL]: 6 });
  visits[1]?.entry(7);
  visits[1]?.entry(8);
  const { millis, neverReturned } = await crowd.comeBack(killedAt, 1_500);
  expect(neverReturned).toBe(0);
  expect(millis[0]).toBeGreaterThan(1_000);
  expect(await crowd.conclude()).toMatchObject({ outOfOrder: 0, missing: 0 });
});

test('what was not acknowledged is sent again under the same id, until it is', async () => {
  const crowd = await assemble();
  const ids: string[] = [];
  onSend = ({ id, ref }, { socket, say, entry }) => {
    if (ids.push(id) === 1) return socket.terminate();
    headAtWelcome += 1;
    say({ type: 'ok', ref, id, stream: CHANNEL, seq: headAtWelcome });
    entry(headAtWelcome);
  };
  crowd.chat(20);
  await expect.poll(() => ids.length, { timeout: 5_000 }).toBeGreaterThan(2);
  expect(ids[1]).toBe(ids[0]);
  const { acked, ...verdict } = await crowd.conclude();
  expect(verdict).toEqual({ unacknowledged: 0, outOfOrder: 0, missing: 0 });
  expect(new Set(acked.map(({ id }) => id)).size).toBe(acked.length);
});

test('an entry that comes twice or too early is counted', async () => {
  const crowd = await assemble();
  for (const seq of [6, 6, 8]) visits[0]?.entry(seq);
  await expect.poll(async () => (await crowd.conclude()).outOfOrder).toBe(2);
});
