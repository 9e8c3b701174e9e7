import { Failure, MOST_WATCHED, type PresenceState } from '@parley/protocol';
import { type Backoff, backoffDelay } from './backoff.ts';
import type { Command, OkFrame } from './frames.ts';
import type { Timing } from './timing.ts';

/** Calls within this make one request. */
const TOGETHER_MS = 50;

export interface PresenceDeps {
  request(command: Command): Promise<OkFrame>;
  isOnline(): boolean;
  readonly timing: Timing;
  readonly backoff: Backoff;
  onChange(): void;
}

/** Who of the people shown is there, and whether somebody is here. */
export interface Presences {
  get(): ReadonlyMap<string, PresenceState>;
  watch(userIds: readonly string[]): () => void;
  setActive(active: boolean): void;
  hear(states: Readonly<Record<string, PresenceState>>): void;
  /** The connection is up. */
  resume(): void;
  /** The connection is gone, and with it whatever was known, on either side. */
  suspended(): void;
}

const NOTHING_KNOWN: ReadonlyMap<string, PresenceState> = new Map();

export function createPresences(deps: PresenceDeps): Presences {
  const { timing } = deps;
  /** The latest first: what was opened last is what somebody looks at. */
  let lists: { readonly userIds: readonly string[] }[] = [];
  let known = NOTHING_KNOWN;
  let active = true;
  /** What the server was told on this connection; null where nothing. */
  let told: { readonly watched: string; readonly active: boolean } | null = null;
  let watched = new Set<string>();
  let isScheduled = false;
  let tries = 0;

  function flushIn(ms: number): void {
    if (isScheduled) return;
    isScheduled = true;
    timing.after(ms, () => {
      isScheduled = false;
      flush();
    });
  }

  function flush(): void {
    if (!deps.isOnline()) return;
    const userIds = [...new Set(lists.flatMap((list) => list.userIds))].slice(0, MOST_WATCHED);
    watched = new Set(userIds);
    const before = told ?? { watched: '', active: true };
    told = { watched: userIds.join(), active };
    if (told.active !== before.active) void say({ type: 'active', active });
    if (told.watched !== before.watched) void say({ type: 'watch', userIds });
    if ([...known.keys()].some((userId) => !watched.has(userId))) {
      know([...known].filter(([userId]) => watched.has(userId)));
    }
  }

  async function say(command: Command): Promise<void> {
    try {
      await deps.request(command);
      tries = 0;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // An older server knows nothing of presence; a lost connection is told again when it is back.
      if (error.remedy === 'fix' || error.remedy === 'give-up' || !deps.isOnline()) return;
      told = null;
      tries += 1;
      flushIn(backoffDelay(tries, deps.backoff, timing));
    }
  }

  function know(states: Iterable<readonly [string, PresenceState]>): void {
    known = new Map(states);
    deps.onChange();
  }

  return {
    get: () => known,
    watch(userIds) {
      const list = { userIds: [...userIds] };
      lists = [list, ...lists];
      flushIn(TOGETHER_MS);
      return () => {
        if (!lists.includes(list)) return;
        lists = lists.filter((other) => other !== list);
        flushIn(TOGETHER_MS);
      };
    },
    setActive(next) {
      if (next === active) return;
      active = next;
      flush();
    },
    hear(states) {
      const news = Object.entries(states).filter(([userId, state]) => {
        return watched.has(userId) && known.get(userId) !== state;
      });
      if (news.length > 0) know([...known, ...news]);
    },
    resume() {
      tries = 0;
      flush();
    },
    suspended() {
      told = null;
      if (known.size > 0) know([]);
    },
  };
}
