import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PresenceState } from '@parley/protocol';
import type { Presence } from '../presence/presence.ts';
import { textFrame } from './frames.ts';
import type { Sink } from './turn.ts';

/** A connection that shows people. */
export interface Watcher {
  readonly sink: Pick<Sink, 'write'>;
  /** Earlier frames are still waiting for the reader: presence keeps out of their way. */
  readonly hasBacklog: boolean;
}

interface BoardOptions {
  /** A connection is told at most once in so many milliseconds. */
  readonly everyMs?: number;
  /** A frame was written. */
  readonly onTold?: () => void;
}

interface Person {
  readonly userId: string;
  readonly watchers: Set<Watching>;
  state: PresenceState;
}

interface Watching {
  readonly watcher: Watcher;
  people: readonly Person[];
  /** Those of whom the watcher has not been told the latest. */
  readonly due: Set<Person>;
}

const EVERY_MS = 400;
/** Changes that come together, as when a server ends, go out together. */
const GATHER_MS = 50;
/** After so many steps of work, each of a microsecond or less, the turn is given to messages. */
const STEPS_A_TURN = 2_000;

/**
 * Tells connections of the people whom they watch, in rounds: all changes since the last one as one frame, made once
 * for all who are to be told the same. What is told is the latest state, so a connection that takes nothing just now is
 * passed over, and nothing queues up.
 */
export class PresenceBoard {
  readonly #presence: Presence;
  readonly #everyMs: number;
  readonly #onTold: () => void;
  readonly #people = new Map<string, Person>();
  readonly #watchings = new Map<Watcher, Watching>();
  readonly #due = new Set<Watching>();
  #changed = new Set<Person>();
  #isScheduled = false;
  #lastRoundAt = Number.NEGATIVE_INFINITY;

  constructor(presence: Presence, { everyMs = EVERY_MS, onTold = () => {} }: BoardOptions = {}) {
    this.#presence = presence;
    this.#everyMs = everyMs;
    this.#onTold = onTold;
    presence.onChange((userIds) => this.#changedAre(userIds));
  }

  /** From now on the watcher is told of these people and no others; of all of them with the next `show`. */
  watch(watcher: Watcher, userIds: readonly string[]): void {
    const watching = this.#watchings.get(watcher) ?? { watcher, people: [], due: new Set() };
    const before = watching.people;
    watching.people = [...new Set(userIds)].map((userId) => this.#personOf(userId));
    watching.due.clear();
    for (const person of watching.people) {
      person.watchers.add(watching);
      watching.due.add(person);
    }
    const wanted = new Set(watching.people);
    for (const person of before) if (!wanted.has(person)) this.#forget(person, watching);
    if (watching.people.length > 0) this.#watchings.set(watcher, watching);
    else this.#watchings.delete(watcher);
    this.#due.delete(watching);
  }

  /** Tells the watcher what it has not been told yet, now or, where it has a backlog, when that is gone. */
  show(watcher: Watcher): void {
    const watching = this.#watchings.get(watcher);
    if (!watching || watching.due.size === 0) return;
    if (!watcher.hasBacklog) return this.#tell(watching, textFrame);
    this.#due.add(watching);
    this.#schedule();
  }

  /** The watcher is gone. */
  leave(watcher: Watcher): void {
    this.watch(watcher, []);
  }

  #personOf(userId: string): Person {
    const known = this.#people.get(userId);
    if (known) return known;
    const person = { userId, watchers: new Set<Watching>(), state: this.#presence.stateOf(userId) };
    this.#people.set(userId, person);
    return person;
  }

  #forget(person: Person, watching: Watching): void {
    person.watchers.delete(watching);
    if (person.watchers.size === 0) this.#people.delete(person.userId);
  }

  #changedAre(userIds: readonly string[]): void {
    for (const userId of userIds) {
      const person = this.#people.get(userId);
      if (person) this.#changed.add(person);
    }
    if (this.#changed.size > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const rest = this.#lastRoundAt + this.#everyMs - performance.now();
    setTimeout(() => void this.#round(), Math.max(GATHER_MS, rest)).unref();
  }

  async #round(): Promise<void> {
    this.#lastRoundAt = performance.now();
    let left = STEPS_A_TURN;
    const isTurnOver = (steps = 1) => {
      left -= steps;
      if (left > 0) return false;
      left = STEPS_A_TURN;
      return true;
    };
    const changed = this.#changed;
    this.#changed = new Set();
    for (const person of changed) {
      const state = this.#presence.stateOf(person.userId);
      if (isTurnOver()) await nextTurn();
      if (state === person.state) continue;
      person.state = state;
      for (const watching of person.watchers) {
        watching.due.add(person);
        this.#due.add(watching);
        if (isTurnOver()) await nextTurn();
      }
    }
    const frames = new Map<string, Buffer>();
    for (const watching of this.#due) {
      if (isTurnOver(watching.due.size)) await nextTurn();
      if (!watching.watcher.hasBacklog) this.#tell(watching, (text) => framed(text, frames));
    }
    this.#isScheduled = false;
    if (this.#due.size + this.#changed.size > 0) this.#schedule();
  }

  #tell(watching: Watching, frameOf: (text: string) => Buffer): void {
    this.#due.delete(watching);
    if (watching.due.size === 0) return;
    const states = [...watching.due].map(({ userId, state }) => `"${userId}":"${state}"`);
    watching.due.clear();
    watching.watcher.sink.write(frameOf(`{"type":"presence","states":{${states.join(',')}}}`));
    this.#onTold();
  }
}

const MOST_FRAMES_KEPT = 1_000;

/** The frame of a text, made once. */
function framed(text: string, frames: Map<string, Buffer>): Buffer {
  const made = frames.get(text);
  if (made) return made;
  const frame = textFrame(text);
  if (frames.size < MOST_FRAMES_KEPT) frames.set(text, frame);
  return frame;
}
