import type { DownFrame } from '@parley/protocol';
import type { Client } from '../types.ts';
import type { FrameFilter } from './frame-filter.ts';

/**
 * Watches what a server sends to one client, and writes down where it breaks its promises: a stream's entries without
 * a gap on one connection (rule D1), and none after one's removal (rule A1).
 */
export interface WireWitness {
  /** For each connection, a filter that lets everything pass. */
  watch(): FrameFilter;
  readonly violations: readonly string[];
}

/** What may come next in a stream: the entry after this one, any entry, or none at all. */
type Place = number | 'any' | 'closed';

/** `client` is who listens on the other side: where it stands is where each connection resumes. */
export function wireWitness(client: () => Client | undefined): WireWitness {
  const violations: string[] = [];

  function watch(): FrameFilter {
    let userId = '';
    const places = new Map<string, Place>();
    /** Where the person entered a channel, as their own stream said on this connection. */
    const entered = new Map<string, number>();
    return (text) => {
      const frame = JSON.parse(text) as DownFrame;
      if (frame.type === 'welcome') {
        userId = frame.userId;
        for (const [stream, seq] of client()?.getState()?.cursors ?? []) places.set(stream, seq);
      }
      if (frame.type !== 'entry') return 1;
      const { stream, seq, event } = frame;
      const place = places.get(stream) ?? 'any';
      if (place === 'closed' || (place !== 'any' && seq !== place + 1)) {
        violations.push(`${stream}: ${seq} after ${place}`);
      }
      places.set(stream, seq);
      switch (event.type) {
        case 'member.left':
        case 'member.removed':
          // One who was away may be told of a removal that was followed by a return.
          if (event.userId === userId && (entered.get(stream) ?? 0) < seq) places.set(stream, 'closed');
          break;
        case 'membership.removed': {
          // One who comes back is sent what follows from there, or from where they stood when they went offline.
          const stood = places.get(event.channelId);
          if (typeof stood === 'number' && stood < event.seq) places.set(event.channelId, 'any');
          break;
        }
        case 'membership.added': {
          entered.set(event.channel.id, event.channel.head);
          const stood = places.get(event.channel.id);
          if (stood === undefined || stood === 'closed') places.set(event.channel.id, event.channel.head);
          break;
        }
      }
      return 1;
    };
  }

  return { watch, violations };
}
