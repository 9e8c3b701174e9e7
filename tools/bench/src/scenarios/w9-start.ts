import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
const FIRST_STARTS = 3;
const LATER_STARTS = 4;
const SETTLE_MS = 5_000;

interface Start {
  readonly secondsToReady: number;
  readonly secondsToFirstAck: number;
  readonly restMegabytes: number;
}

/** W9: from starting the process on an empty folder to the first acknowledged message, and its memory at rest. */
export async function measureStart(): Promise<Outcome> {
  const codeCache = mkdtempSync(join(tmpdir(), 'parley-bench-code-'));
  const first: Start[] = [];
  const later: Start[] = [];
  try {
    while (first.length < FIRST_STARTS) {
      rmSync(codeCache, { recursive: true });
      first.push(await startOnce(codeCache));
    }
    while (later.length < LATER_STARTS) later.push(await startOnce(codeCache));
  } finally {
    rmSync(codeCache, { recursive: true, force: true });
  }
  return {
    rows: [...rowsOf('first start after installing', first), ...rowsOf('later start', later)],
    method: {
      start:
        'from spawning `parley serve` on an empty data folder: migrations, register, create a channel, sign in by socket, ' +
        'send, ok',
      rest: `RSS of the server process ${SETTLE_MS / 1_000} s after its first message, its one socket closed`,
      first: `${FIRST_STARTS} starts, each with an empty code cache: Node strips the types and compiles; the median`,
      later: `${LATER_STARTS} starts with the code cache that the last of them left, each on a new data folder; the median`,
    },
    notes: [
      `ready to answer after ${readySeconds(first)} s at the first start, after ${readySeconds(later)} s at a later one`,
    ],
    raw: { first, later },
  };
}

function rowsOf(caseName: string, starts: readonly Start[]): Row[] {
  const common = { scenario: 'W9', case: caseName, floor: null, ratio: null, better: 'lower' } as const;
  return [
    {
      ...common,
      metric: 'empty folder → first message acked',
      unit: 's',
      ours: median(starts.map(({ secondsToFirstAck }) => secondsToFirstAck)),
      target: MOST_SECONDS,
      limitedBy: 'server cpu (loading code, hashing a password)',
    },
    {
      ...common,
      metric: 'resident memory at rest',
      unit: 'MB',
      ours: median(starts.map(({ restMegabytes }) => restMegabytes)),
      target: MOST_MEGABYTES,
      limitedBy: 'memory',
    },
  ];
}

function readySeconds(starts: readonly Start[]): string {
  return median(starts.map(({ secondsToReady }) => secondsToReady)).toFixed(2);
}

async function startOnce(codeCache: string): Promise<Start> {
  const server = await startParley({ NODE_COMPILE_CACHE: codeCache });
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
