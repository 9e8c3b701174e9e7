import { newId, type PresenceState } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeMessage } from './node-message.ts';
import { OtherNodes } from './other-nodes.ts';

const FORGET_MS = 8_000;
const PEOPLE = Array.from({ length: 4 }, () => newId());
const EMPTY = { online: [], away: [], offline: [] };

/** A node that says what it knows, as the one on Redis does. */
class Speaker {
  readonly people = new Map<string, PresenceState>();
  #news = 0;
  #beats = 0;

  becomes(userId: string, state: PresenceState): NodeMessage {
    this.people.set(userId, state);
    this.#news += 1;
    return { kind: 'news', news: this.#news, ...EMPTY, [state]: [userId] };
  }

  beat(): NodeMessage {
    this.#beats += 1;
    return { kind: 'beat', beat: this.#beats, news: this.#news };
  }

  all(): NodeMessage[] {
    const present = [...this.people].filter(([, state]) => state !== 'offline');
    const parts = Math.max(1, present.length);
    return Array.from({ length: parts }, (_, part) => {
      const [userId, state] = present[part] ?? [];
      return { kind: 'all', news: this.#news, part, parts, ...EMPTY, ...(state ? { [state]: [userId] } : {}) };
    });
  }
}

type Said = Exclude<NodeMessage, { kind: 'ask' }>;

describe('what other nodes say', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ becomes: fc.constantFrom('online', 'away', 'offline'), who: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ beat: fc.constant(true) }) },
    { weight: 2, arbitrary: fc.record({ repeats: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ sleeps: fc.integer({ min: 0, max: 20_000 }) }) },
  );

  test('[P1] whatever is lost, repeated or late, two beats that arrive end in the truth', async () => {
    await fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.infiniteStream(fc.nat(9)), (steps, chances) => {
        const speaker = new Speaker();
        const others = new OtherNodes(FORGET_MS, () => {});
        const said: Said[] = [];
        let now = 0;
        const isLost = () => (chances.next().value ?? 0) < 4;
        const hear = (message: NodeMessage, surely = false) => {
          said.push(message as Said);
          if (!surely && isLost()) return;
          if (others.hear('node', message as Said, now)) for (const part of speaker.all()) hear(part, surely);
        };
        for (const happening of steps) {
          now += 100;
          others.sweep(now);
          if ('becomes' in happening) {
            hear(speaker.becomes(PEOPLE[happening.who] as string, happening.becomes as PresenceState));
          } else if ('beat' in happening) {
            hear(speaker.beat());
          } else if ('repeats' in happening) {
            const old = said[happening.repeats];
            if (old) others.hear('node', old, now);
          } else {
            now += happening.sleeps;
          }
        }
        for (let beats = 0; beats < 2; beats += 1) {
          now += 2_000;
          hear(speaker.beat(), true);
        }
        for (const userId of PEOPLE) expect(others.stateOf(userId)).toBe(speaker.people.get(userId) ?? 'offline');
      }),
      { numRuns: 500 },
    );
  });

  test('[P1] a node is forgotten when its beats stop, and repeating what it said brings nobody back', () => {
    const changed: string[] = [];
    const others = new OtherNodes(FORGET_MS, (userIds) => changed.push(...userIds));
    const speaker = new Speaker();
    const [ana, bob] = PEOPLE as [string, string];
    const said = [
      speaker.beat(),
      ...speaker.all(),
      speaker.becomes(ana, 'online'),
      speaker.becomes(bob, 'away'),
    ] as Said[];
    const repeat = (now: number) => said.map((message) => others.hear('node', message, now));
    repeat(0);
    expect(PEOPLE.map((userId) => others.stateOf(userId))).toEqual(['online', 'away', 'offline', 'offline']);
    for (let now = 0; now < FORGET_MS; now += 1_000) {
      others.sweep(now);
      repeat(now);
      expect(others.stateOf(ana)).toBe('online');
    }
    changed.length = 0;
    others.sweep(FORGET_MS);
    expect(others.size).toBe(0);
    expect(changed).toEqual([ana, bob]);
    // It is asked, and does not answer: only an answer to this very question is believed.
    const news = said.filter(({ kind }) => kind !== 'all');
    expect(news.map((message) => others.hear('node', message, FORGET_MS + 1_000))).toContain(true);
    expect([others.stateOf(ana), others.stateOf(bob)]).toEqual(['offline', 'offline']);
  });

  test('[P1] a node that has slept forgets nobody for what it could not hear', () => {
    const others = new OtherNodes(FORGET_MS, () => {});
    const speaker = new Speaker();
    others.sweep(0);
    others.hear('node', speaker.beat() as Said, 0);
    for (const part of speaker.all()) others.hear('node', part as Said, 0);
    others.hear('node', speaker.becomes(PEOPLE[0] as string, 'online') as Said, 0);
    others.sweep(60_000);
    expect(others.stateOf(PEOPLE[0] as string)).toBe('online');
    others.sweep(64_000);
    others.sweep(68_000);
    expect(others.stateOf(PEOPLE[0] as string)).toBe('offline');
  });

  /** What has been told of somebody, after a node has introduced itself. */
  function introduced() {
    const others = new OtherNodes(FORGET_MS, () => {});
    const speaker = new Speaker();
    const hear = (message: NodeMessage, now = 0) => others.hear('node', message as Said, now);
    hear(speaker.beat());
    for (const part of speaker.all()) hear(part);
    return { others, speaker, hear };
  }

  test('[P1] old news and old answers that come late change nothing', () => {
    const { others, speaker, hear } = introduced();
    const [ana] = PEOPLE as [string];
    const arrives = speaker.becomes(ana, 'online');
    hear(arrives);
    const answer = speaker.all();
    hear(speaker.becomes(ana, 'offline'));
    for (const late of [arrives, ...answer]) expect(hear(late)).toBe(false);
    expect(others.stateOf(ana)).toBe('offline');
  });

  test('[P1] missed news are asked for at once, and an answer of which a part is missing is not believed', () => {
    const { others, speaker, hear } = introduced();
    const [ana, bob, eva] = PEOPLE as [string, string, string];
    speaker.becomes(ana, 'online');
    speaker.becomes(bob, 'online');
    expect(hear(speaker.becomes(eva, 'away'), 1_000)).toBe(true);
    const [first, second, third] = speaker.all() as [NodeMessage, NodeMessage, NodeMessage];
    for (const part of [first, third, second]) hear(part);
    expect(PEOPLE.map((userId) => others.stateOf(userId))).toEqual(PEOPLE.map(() => 'offline'));
    for (const part of [first, second, third]) hear(part);
    expect([ana, bob, eva].map((userId) => others.stateOf(userId))).toEqual(['online', 'online', 'away']);
  });

  test('a node is asked at most once a second', () => {
    const others = new OtherNodes(FORGET_MS, () => {});
    const speaker = new Speaker();
    const asked = Array.from({ length: 21 }, (_, index) => others.hear('node', speaker.beat() as Said, index * 100));
    expect(asked.flatMap((isAsked, index) => (isAsked ? [index] : []))).toEqual([0, 10, 20]);
  });
});
