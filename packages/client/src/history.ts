import { fail, type Message } from '@parley/protocol';
import type { LogEntry } from './frames.ts';
import type { Store } from './store.ts';
import type { Rest, State, Timeline } from './types.ts';

const PAGE = 50;

/** Loads older messages into the timelines. */
export interface History {
  /** Calls made while a page is on its way share it. */
  loadOlder(channelId: string): Promise<void>;
  /** Sees every entry after it was applied. */
  observe(entry: LogEntry): void;
  /** The state was replaced: pages that are on their way belong to another one. */
  forget(): void;
}

/** A page on its way, and the messages that arrived live meanwhile: those above the page's head follow it. */
interface Load {
  readonly live: Message[];
}

export function createHistory(store: Store, listMessages: Rest['listMessages']): History {
  const loads = new Map<string, Load>();
  const asked = new Map<string, Promise<void>>();

  async function load(channelId: string): Promise<void> {
    for (;;) {
      const state = store.getState();
      if (!state?.channels.has(channelId)) throw fail('channel_not_found');
      const timeline = state.timelines.get(channelId);
      if (timeline?.complete) return;
      const mine: Load = { live: [] };
      loads.set(channelId, mine);
      const oldest = timeline?.messages[0];
      const page = await listMessages({
        params: { id: channelId },
        query: { limit: String(PAGE), ...(oldest && { before: String(oldest.seq) }) },
      });
      // The channel was left, or the state replaced: the page may have nothing to join on to.
      if (loads.get(channelId) !== mine) continue;
      loads.delete(channelId);
      store.update((current) => {
        const newer = current.timelines.get(channelId)?.messages ?? mine.live.filter(({ seq }) => seq > page.head);
        return withTimeline(current, channelId, [...page.messages, ...newer]);
      });
      return;
    }
  }

  return {
    loadOlder(channelId) {
      let loading = asked.get(channelId);
      if (loading === undefined) {
        loading = load(channelId).finally(() => {
          asked.delete(channelId);
          loads.delete(channelId);
        });
        asked.set(channelId, loading);
      }
      return loading;
    },
    observe({ stream, event }) {
      switch (event.type) {
        case 'message.posted':
          loads.get(stream)?.live.push(event.message);
          break;
        case 'membership.added':
          loads.delete(event.channel.id);
          break;
        case 'membership.removed':
          loads.delete(event.channelId);
          break;
        case 'member.left':
        case 'member.removed':
          if (!store.getState()?.channels.has(stream)) loads.delete(stream);
          break;
      }
    },
    forget() {
      loads.clear();
    },
  };
}

function withTimeline(state: State, channelId: string, messages: readonly Message[]): State {
  const timeline: Timeline = { messages, complete: (messages[0]?.ordinal ?? 1) === 1 };
  return { ...state, timelines: new Map(state.timelines).set(channelId, timeline) };
}
