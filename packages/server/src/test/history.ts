import { isDeepStrictEqual } from 'node:util';
import type { Entry, ErrorCode } from '@parley/protocol';

/** A message that a client sent, and what came of it. */
export interface Sending {
  readonly by: string;
  readonly channelId: string;
  readonly id: string;
  /** By one clock for all clients, in milliseconds. */
  readonly sentAt: number;
  outcome: Outcome;
}

export type Outcome =
  | { readonly kind: 'acked'; readonly at: number; readonly seq: number }
  | { readonly kind: 'rejected'; readonly code: ErrorCode }
  | { readonly kind: 'unknown' };

/** What a client's application was given of a channel. */
export interface Reading {
  readonly by: string;
  readonly userId: string;
  readonly channelId: string;
  /** The head of the channel when the client began. */
  readonly from: number;
  readonly entries: readonly Entry[];
}

/** Where the database has a message. */
export interface Stored {
  readonly id: string;
  readonly channelId: string;
  readonly seq: number;
}

/** All that happened in a test, in one process and by one clock. To be judged when every client is up to date. */
export interface History {
  readonly sendings: readonly Sending[];
  readonly readings: readonly Reading[];
  /** Each channel's log as each node tells it. */
  readonly logs: readonly { readonly node: string; readonly channelId: string; readonly entries: readonly Entry[] }[];
  /** The messages of these channels, straight from the tables. */
  readonly stored: readonly Stored[];
}

/** The faults of a history, one sentence each, the rule in front; none is what was promised. */
export function faultsIn(history: History): string[] {
  // Of each channel, the first node's: the others are compared with it.
  const logs = new Map(history.logs.toReversed().map(({ channelId, entries }) => [channelId, entries]));
  return [
    ...faultsOfLogs(history, logs),
    ...faultsOfTables(history, logs),
    ...faultsOfOutcomes(history),
    ...faultsOfRealTime(history),
    ...faultsOfSenders(history),
    ...history.readings.flatMap((reading) => faultsOfReading(reading, logs.get(reading.channelId) ?? [])),
  ];
}

type Logs = ReadonlyMap<string, readonly Entry[]>;

/** Every node tells the same log, and it has no gaps. */
function faultsOfLogs({ logs }: History, first: Logs): string[] {
  return logs.flatMap(({ node, channelId, entries }) => {
    const place = entries.findIndex(({ seq }, index) => seq !== index + 1);
    if (place >= 0) return [`O1: ${node} has ${entries[place]?.seq} at place ${place + 1} of the log of ${channelId}.`];
    const theirs = first.get(channelId) ?? [];
    if (entries.length !== theirs.length) return [`O1: ${node} has ${entries.length} entries, not ${theirs.length}.`];
    const other = entries.findIndex((entry, index) => !isDeepStrictEqual(entry, theirs[index]));
    return other < 0 ? [] : [`O1: ${node} has another entry ${other + 1} of ${channelId} than others.`];
  });
}

/** The tables and the log say the same. */
function faultsOfTables({ stored }: History, logs: Logs): string[] {
  const posted = [...logs.values()].flat().flatMap(({ seq, event }) => {
    return event.type === 'message.posted' ? [`${event.message.channelId} ${seq} ${event.message.id}`] : [];
  });
  const rows = stored.map(({ channelId, seq, id }) => `${channelId} ${seq} ${id}`);
  const [told, kept] = [new Set(posted), new Set(rows)];
  return [
    ...posted.filter((place) => !kept.has(place)).map((place) => `O1: the log has what no table has: ${place}.`),
    ...rows.filter((place) => !told.has(place)).map((place) => `O1: a table has what the log has not: ${place}.`),
  ];
}

/** Each acknowledged message is there once, at the place of its acknowledgement, and a rejected one is not. */
function faultsOfOutcomes({ sendings, stored }: History): string[] {
  const places = new Map<string, Stored[]>();
  for (const message of stored) places.set(message.id, [...(places.get(message.id) ?? []), message]);
  const sent = new Set(sendings.map(({ id }) => id));
  const faults = stored.filter(({ id }) => !sent.has(id)).map(({ id }) => `S3: nobody sent ${id}, and it is there.`);
  for (const { id, by, channelId, outcome } of sendings) {
    const found = places.get(id) ?? [];
    if (found.length > 1) faults.push(`S2: ${id} of ${by} is there ${found.length} times.`);
    const [place] = found;
    if (outcome.kind === 'rejected' && place) faults.push(`S3: ${id} of ${by} was rejected, and it is there.`);
    if (outcome.kind !== 'acked') continue;
    if (!place) faults.push(`S1: ${id} of ${by} was acknowledged with ${outcome.seq}, and it is not there.`);
    else if (place.seq !== outcome.seq || place.channelId !== channelId) {
      faults.push(`S1: ${id} of ${by} was acknowledged with ${outcome.seq}, and it is at ${place.seq}.`);
    }
  }
  return faults;
}

/** What was acknowledged before another message was sent stands before it, whoever sent them. */
function faultsOfRealTime({ sendings, stored }: History): string[] {
  const seqs = new Map(stored.map(({ id, seq }) => [id, seq]));
  const faults: string[] = [];
  for (const channel of groupsOf(sendings, ({ channelId }) => channelId).values()) {
    const acks = channel.flatMap(({ outcome }) => (outcome.kind === 'acked' ? [outcome] : []));
    acks.sort((a, b) => a.at - b.at);
    let highest = 0;
    let next = 0;
    for (const { id, by, sentAt } of channel.toSorted((a, b) => a.sentAt - b.sentAt)) {
      for (let ack = acks[next]; ack && ack.at < sentAt; ack = acks[++next]) highest = Math.max(highest, ack.seq);
      const seq = seqs.get(id);
      if (seq !== undefined && seq <= highest) {
        faults.push(`O2: ${id} of ${by} stands at ${seq}, and ${highest} was acknowledged before it was sent.`);
      }
    }
  }
  return faults;
}

/** What one client sent to a channel stands there in the order in which it was sent. */
function faultsOfSenders({ sendings, stored }: History): string[] {
  const seqs = new Map(stored.map(({ id, seq }) => [id, seq]));
  const faults: string[] = [];
  for (const line of groupsOf(sendings, ({ by, channelId }) => `${by} in ${channelId}`).values()) {
    let before = 0;
    for (const { id, by } of line) {
      const seq = seqs.get(id);
      if (seq === undefined) continue;
      if (seq < before) faults.push(`O3: ${id} of ${by} stands at ${seq}, after what was sent later.`);
      before = seq;
    }
  }
  return faults;
}

/** Each entry once, as it stands in the log, none left out but those of a time in which the person was no member. */
function faultsOfReading({ by, userId, channelId, from, entries }: Reading, log: readonly Entry[]): string[] {
  const name = `${by} in ${channelId}`;
  const places = (types: readonly Entry['event']['type'][]) =>
    log.flatMap(({ seq, event }) =>
      types.includes(event.type) && 'userId' in event && event.userId === userId ? [seq] : [],
    );
  const ins = places(['member.joined']);
  const outs = places(['member.left', 'member.removed']);
  const isOut = (seq: number) => (outs.findLast((out) => out <= seq) ?? 0) > (ins.findLast((into) => into <= seq) ?? 0);
  const faults: string[] = [];
  let at = from;
  for (const entry of entries) {
    const { seq } = entry;
    if (!isDeepStrictEqual(entry, log[seq - 1]))
      faults.push(`D2: ${name} was given an entry ${seq} that the log does not have.`);
    if (seq <= at) faults.push(`D2: ${name} was given ${seq} after ${at}.`);
    else if (isOut(seq - 1)) faults.push(`A1: ${name} was given ${seq}, after the removal.`);
    else if (seq !== at + 1 && !ins.includes(seq - 1)) faults.push(`D1: ${name} was given ${seq} after ${at}.`);
    at = Math.max(at, seq);
  }
  if (at < log.length && !isOut(log.length)) faults.push(`D3: ${name} was given nothing after ${at} of ${log.length}.`);
  return faults;
}

function groupsOf<Item>(items: readonly Item[], nameOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const name = nameOf(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}
