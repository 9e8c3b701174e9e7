import { setTimeout as wait } from 'node:timers/promises';
import { type DownFrame, newId, SOCKET_PATH, SUBPROTOCOL } from '@parley/protocol';
import { RawSocket } from '../load/raw-socket.ts';
import { readResidentMegabytes } from '../measure/memory.ts';
import { median } from '../measure/statistics.ts';
import type { Outcome } from '../report/outcome.ts';
import type { Row } from '../report/row.ts';
import { type ParleyServer, removeFolder, startParley } from '../subjects/parley-server.ts';
import { createChannel, registerPerson } from '../subjects/people.ts';

const MOST_SECONDS = 1.5;
const MOST_MEGABYTES = 120;
const ROUNDS = 5;
const SETTLE_MS = 5_000;

interface Start {
  readonly secondsToReady: number;
  readonly secondsToFirstAck: number;
  readonly restMegabytes: number;
}

/** W9: from starting the process on an empty folder to the first acknowledged message, and its memory at rest. */
export async function measureStart(): Promise<Outcome> {
  const starts: Start[] = [];
  while (starts.length < ROUNDS) starts.push(await startOnce());
  const row = (figure: Pick<Row, 'case' | 'metric' | 'unit' | 'ours' | 'target' | 'limitedBy'>): Row => ({
    scenario: 'W9',
    floor: null,
    ratio: null,
    better: 'lower',
    ...figure,
  });
  return {
    rows: [
      row({
        case: 'empty folder → first message acked',
        metric: 'wall time',
        unit: 's',
        ours: median(starts.map(({ secondsToFirstAck }) => secondsToFirstAck)),
        target: MOST_SECONDS,
        limitedBy: 'server cpu (loading, hashing a password)',
      }),
      row({
        case: `at rest, ${SETTLE_MS / 1_000} s later`,
        metric: 'resident memory',
        unit: 'MB',
        ours: median(starts.map(({ restMegabytes }) => restMegabytes)),
        target: MOST_MEGABYTES,
        limitedBy: 'memory',
      }),
    ],
    method: {
      start:
        'from spawning `node packages/server/src/main.ts` on an empty folder: migrations, register, create a channel, sign in by socket, send, ok',
      rest: `RSS of the server process ${SETTLE_MS / 1_000} s after its first message, its one socket closed`,
      rounds: `${ROUNDS}, each on a new folder; the median`,
    },
    notes: [`ready to answer after ${median(starts.map(({ secondsToReady }) => secondsToReady)).toFixed(2)} s`],
    raw: starts,
  };
}

async function startOnce(): Promise<Start> {
  const server = await startParley();
  try {
    const secondsToReady = (performance.now() - server.startedAt) / 1_000;
    await sendFirstMessage(server);
    const secondsToFirstAck = (performance.now() - server.startedAt) / 1_000;
    await wait(SETTLE_MS);
    return { secondsToReady, secondsToFirstAck, restMegabytes: readResidentMegabytes(server.pid) };
  } finally {
    await server.stop();
    removeFolder(server);
  }
}

async function sendFirstMessage(server: ParleyServer): Promise<void> {
  const person = await registerPerson(server, 'first');
  const channel = await createChannel(server, person, 'general');
  const answers: ((frame: DownFrame) => void)[] = [];
  const socket = await RawSocket.open({
    port: server.port,
    path: SOCKET_PATH,
    subprotocol: SUBPROTOCOL,
    onText: (_length, payload) => {
      const frame = JSON.parse(payload?.toString() ?? 'null') as DownFrame;
      if (frame.type === 'fail') throw new Error(`The server refused: ${payload}`);
      if (frame.type === 'welcome' || frame.type === 'ok') answers.shift()?.(frame);
    },
    onClosed: () => {},
  });
  const answerTo = (frame: object) => {
    socket.sendText(JSON.stringify(frame));
    return new Promise<DownFrame>((resolve) => answers.push(resolve));
  };
  await answerTo({ type: 'hello', ref: 1, token: person.accessToken });
  await answerTo({ type: 'send', ref: 2, id: newId(), channelId: channel.id, body: 'The first message.' });
  socket.destroy();
}
