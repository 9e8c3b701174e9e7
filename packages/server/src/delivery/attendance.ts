import type { PresenceState } from '@parley/protocol';
import { bestPresence } from '../domain/best-presence.ts';
import type { Presence } from '../presence/presence.ts';

/** How a connection ended: its client took leave, or it broke off, or this server is the reason. */
export type Departure = 'for-good' | 'lost' | 'restart';

/**
 * For so long somebody stays as they were after a connection of theirs has ended, so that a page that is loaded anew, or
 * a client that comes back, does not seem to have been away. A restart names a wait of up to 2 s to its clients, and
 * takes up to 6 s itself.
 */
const HELD_MS = { 'for-good': 0, lost: 1_000, restart: 8_000 } as const satisfies Record<Departure, number>;

/** One connection's part in what its person is. */
export interface Stay {
  /** Whether somebody is at the client; true at first. */
  setActive(active: boolean): void;
  /** The connection has ended. Once; whatever is said after that changes nothing. */
  leave(departure: Departure): void;
}

interface Person {
  online: number;
  away: number;
  shown: PresenceState;
}

interface Held {
  readonly endsAt: number;
  readonly release: () => void;
}

/** Makes out of this node's connections what each person is here: the best of all their connections. */
export class Attendance {
  readonly #presence: Pick<Presence, 'set'>;
  readonly #onShown: (before: PresenceState, after: PresenceState) => void;
  readonly #people = new Map<string, Person>();
  /** Those who have left and still count: each queue in the order in which they end. */
  readonly #held = { lost: new Set<Held>(), restart: new Set<Held>() };
  #timer: { readonly at: number; readonly timeout: NodeJS.Timeout } | null = null;

  /** `onShown` is told of each change of somebody here. */
  constructor(
    presence: Pick<Presence, 'set'>,
    onShown: (before: PresenceState, after: PresenceState) => void = () => {},
  ) {
    this.#presence = presence;
    this.#onShown = onShown;
  }

  /** A connection of somebody has begun. */
  arrive(userId: string): Stay {
    let counted: 'online' | 'away' | null = 'online';
    let hasLeft = false;
    const become = (next: 'online' | 'away' | null) => {
      if (next === counted) return;
      const before = counted;
      counted = next;
      this.#count(userId, before, next);
    };
    this.#count(userId, null, 'online');
    return {
      setActive(active) {
        if (!hasLeft) become(active ? 'online' : 'away');
      },
      leave: (departure) => {
        if (hasLeft) return;
        hasLeft = true;
        if (departure === 'for-good') become(null);
        else this.#hold(departure, () => become(null));
      },
    };
  }

  /** Lets go of all who are held, without changing what they are: the node ends. */
  close(): void {
    if (this.#timer) clearTimeout(this.#timer.timeout);
    for (const queue of Object.values(this.#held)) queue.clear();
  }

  #count(userId: string, before: 'online' | 'away' | null, after: 'online' | 'away' | null): void {
    const person: Person = this.#people.get(userId) ?? { online: 0, away: 0, shown: 'offline' };
    if (before !== null) person[before] -= 1;
    if (after !== null) person[after] += 1;
    if (person.online + person.away > 0) this.#people.set(userId, person);
    else this.#people.delete(userId);
    const now = bestPresence([person.online > 0 ? 'online' : 'offline', person.away > 0 ? 'away' : 'offline']);
    if (now === person.shown) return;
    this.#onShown(person.shown, now);
    person.shown = now;
    this.#presence.set(userId, now);
  }

  #hold(departure: 'lost' | 'restart', release: () => void): void {
    this.#held[departure].add({ endsAt: performance.now() + HELD_MS[departure], release });
    this.#arm();
  }

  /** One timer for all of them, set to the first. */
  #arm(): void {
    const firsts = Object.values(this.#held).map(
      (queue) => queue.values().next().value?.endsAt ?? Number.POSITIVE_INFINITY,
    );
    const at = Math.min(...firsts);
    if (at >= (this.#timer?.at ?? Number.POSITIVE_INFINITY)) return;
    if (this.#timer) clearTimeout(this.#timer.timeout);
    const timeout = setTimeout(() => this.#releaseDue(), Math.max(0, at - performance.now()));
    timeout.unref();
    this.#timer = { at, timeout };
  }

  #releaseDue(): void {
    this.#timer = null;
    const now = performance.now();
    for (const queue of Object.values(this.#held)) {
      for (const held of queue) {
        // A timer may come a fraction of a millisecond early.
        if (held.endsAt > now + 1) break;
        queue.delete(held);
        held.release();
      }
    }
    this.#arm();
  }
}
