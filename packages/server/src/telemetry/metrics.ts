import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const FAST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const HTTP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * What Prometheus reads. Each call has a registry of its own, so that several servers can live in one process. Labels
 * only ever take values from short lists: no person, address, channel or path with ids in it.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });

  let otherNodes = () => 0;
  const metrics = {
    connections: new Gauge({ name: 'parley_connections', help: 'Sockets that are signed in.', registers }),
    messages: new Counter({
      name: 'parley_messages_total',
      help: 'Messages committed, by the door through which they came.',
      labelNames: ['door'],
      registers,
    }),
    deliveries: new Counter({
      name: 'parley_deliveries_total',
      help: 'Entries handed to sockets, one for each receiver.',
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'parley_delivery_seconds',
      help: 'From the commit of an entry until it lay ready for the sockets of this node.',
      buckets: FAST_SECONDS,
      registers,
    }),
    commitBatchMessages: new Histogram({
      name: 'parley_commit_batch_messages',
      help: 'Messages that shared one commit.',
      buckets: BATCH_SIZES,
      registers,
    }),
    commitSeconds: new Histogram({
      name: 'parley_commit_seconds',
      help: 'How long a transaction took, the wait for the disk included.',
      buckets: FAST_SECONDS,
      registers,
    }),
    gaps: new Counter({
      name: 'parley_gaps_total',
      help: 'Entries that were about to reach a socket out of order. Anything but 0 is a bug.',
      registers,
    }),
    repairs: new Counter({
      name: 'parley_repairs_total',
      help: 'Times that entries had to be read back because a hint was missing.',
      registers,
    }),
    hintsRefused: new Counter({
      name: 'parley_hints_refused_total',
      help: 'Messages on the bus that no node of this installation could have sent, by what is wrong with them.',
      labelNames: ['reason'],
      registers,
    }),
    people: new Gauge({
      name: 'parley_people',
      help: 'People with a connection to this node, by whether somebody is at one of them.',
      labelNames: ['state'],
      registers,
    }),
    otherNodes: new Gauge({
      name: 'parley_other_nodes',
      help: 'Other nodes that are heard from.',
      registers,
      collect() {
        this.set(otherNodes());
      },
    }),
    presenceFrames: new Counter({
      name: 'parley_presence_frames_total',
      help: 'Frames that told sockets of the presence of people.',
      registers,
    }),
    tailReads: new Counter({
      name: 'parley_tail_reads_total',
      help: 'Times that recent entries were looked for before the database was asked for them, by what for and outcome.',
      labelNames: ['use', 'outcome'],
      registers,
    }),
    tailRefused: new Counter({
      name: 'parley_tail_refused_total',
      help: 'Remembered entries that no node of this installation could have written, by what is wrong with them.',
      labelNames: ['reason'],
      registers,
    }),
    httpRequestSeconds: new Histogram({
      name: 'parley_http_request_seconds',
      help: 'How long HTTP requests took. The route is the pattern, not the path.',
      labelNames: ['method', 'route', 'status'],
      buckets: HTTP_SECONDS,
      registers,
    }),
    framesRefused: new Counter({
      name: 'parley_frames_refused_total',
      help: 'Frames that were answered with an error, by its code.',
      labelNames: ['code'],
      registers,
    }),
    socketsClosed: new Counter({
      name: 'parley_sockets_closed_total',
      help: 'Sockets closed, by close code.',
      labelNames: ['code'],
      registers,
    }),
    apiLogDropped: new Counter({
      name: 'parley_api_log_dropped_total',
      help: 'Lines of the API log that were dropped because they could not be written.',
      registers,
    }),
  } as const;
  // A counter that first appears with its first increment hides that increment from rate().
  for (const door of ['socket', 'rest']) metrics.messages.inc({ door }, 0);
  for (const state of ['online', 'away']) metrics.people.set({ state }, 0);
  for (const reason of ['forged', 'invalid', 'oversized']) {
    metrics.hintsRefused.inc({ reason }, 0);
    metrics.tailRefused.inc({ reason }, 0);
  }
  for (const use of ['join', 'repair', 'resume']) {
    for (const outcome of ['hit', 'miss']) metrics.tailReads.inc({ use, outcome }, 0);
  }

  return {
    ...metrics,
    /** Says how to count them whenever they are asked for. */
    followOtherNodes(count: () => number) {
      otherNodes = count;
    },
    contentType: registry.contentType,
    /** All metrics in Prometheus' text format. */
    render: () => registry.metrics(),
  };
}
