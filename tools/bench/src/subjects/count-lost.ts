import type { Channel, Entry } from '@parley/protocol';
import type { AckedMessage } from '../load/ingest.ts';
import type { ParleyServer } from './parley-server.ts';

const LOG_PAGE = 500;

/** Acknowledged messages that are not in the log, or not exactly once, or not at the place that their ack named. */
export async function countLost(
  server: ParleyServer,
  tokenFor: (channelId: string) => string,
  acked: readonly AckedMessage[],
): Promise<number> {
  let lost = 0;
  for (const [channelId, messages] of Map.groupBy(acked, (message) => message.channelId)) {
    const from = messages.reduce((least, { seq }) => Math.min(least, seq), Number.POSITIVE_INFINITY) - 1;
    const places = await readPlaces(server, tokenFor(channelId), channelId, from);
    for (const { id, seq } of messages) {
      const found = places.get(id) ?? [];
      if (found.length !== 1 || found[0] !== seq) lost += 1;
    }
  }
  return lost;
}

async function readPlaces(server: ParleyServer, token: string, channelId: string, from: number) {
  const { head } = await server.request<Channel>('GET', `/channels/${channelId}`, { token });
  const places = new Map<string, number[]>();
  for (let after = from; after < head; ) {
    const path = `/channels/${channelId}/log?after=${after}&limit=${LOG_PAGE}`;
    const { entries } = await server.request<{ entries: Entry[] }>('GET', path, { token });
    if (entries.length === 0) throw new Error(`The log ends at ${after}, though its head is ${head}.`);
    for (const { seq, event } of entries) {
      if (event.type !== 'message.posted') continue;
      const seqs = places.get(event.message.id);
      if (seqs) seqs.push(seq);
      else places.set(event.message.id, [seq]);
      after = seq;
    }
  }
  return places;
}
