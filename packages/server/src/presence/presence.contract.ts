import { newId, type PresenceState } from '@parley/protocol';
import * as fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bestPresence } from '../domain/best-presence.ts';
import type { Presence } from './presence.ts';

const STATES = ['online', 'away', 'offline'] as const;
const soon = (expectation: () => void) => vi.waitFor(expectation, { timeout: 10_000, interval: 5 });

/** What every presence must do (rule P1); `open` connects so many nodes that hear of nobody else. */
export function presenceContract(name: string, open: (nodes: number) => Promise<Presence[]>): void {
  describe(`${name} keeps the presence's contract:`, () => {
    let opened: Presence[] = [];
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((node) => node.close()));
    });

    async function nodes(count: number) {
      opened = await open(count);
      return opened as [Presence, Presence, Presence];
    }

    test('[P1] nobody is there until a node says so, and then all nodes know', async () => {
      const [first, second, third] = await nodes(3);
      const [ana, bob] = [newId(), newId()];
      first.set(ana, 'online');
      second.set(bob, 'away');
      for (const node of [first, second, third]) {
        await soon(() => expect([node.stateOf(ana), node.stateOf(bob)]).toEqual(['online', 'away']));
        expect(node.stateOf(newId())).toBe('offline');
        expect(node.otherNodes()).toBe(2);
      }
      first.set(ana, 'offline');
      for (const node of [first, second, third]) await soon(() => expect(node.stateOf(ana)).toBe('offline'));
      expect(third.stateOf(bob)).toBe('away');
    });

    test('[P1] with devices at several nodes somebody is the best of what the nodes say, after any changes', async () => {
      const all = await nodes(3);
      const aChange = fc.record({ node: fc.nat(2), person: fc.nat(2), state: fc.constantFrom(...STATES) });
      await fc.assert(
        fc.asyncProperty(fc.array(aChange, { maxLength: 30 }), async (changes) => {
          const people = [newId(), newId(), newId()];
          const said = new Map<string, PresenceState>();
          for (const { node, person, state } of changes) {
            all[node]?.set(people[person] as string, state);
            said.set(`${node} ${person}`, state);
          }
          const best = people.map((_, person) =>
            bestPresence([0, 1, 2].map((n) => said.get(`${n} ${person}`) ?? 'offline')),
          );
          for (const node of all) await soon(() => expect(people.map((id) => node.stateOf(id))).toEqual(best));
        }),
        { numRuns: 12 },
      );
    });

    test('[P1] whoever looks at each change ends with the truth, and saying the same again changes nothing', async () => {
      const [first, second] = await nodes(2);
      const seen = [new Map<string, PresenceState>(), new Map<string, PresenceState>()];
      let calls = 0;
      for (const [index, node] of [first, second].entries()) {
        node.onChange((userIds) => {
          calls += 1;
          for (const userId of userIds) seen[index]?.set(userId, node.stateOf(userId));
        });
      }
      const people = Array.from({ length: 20 }, () => newId());
      for (const [index, userId] of people.entries()) first.set(userId, STATES[index % 3] as PresenceState);
      for (const userId of people.slice(5, 15)) second.set(userId, 'away');
      for (const userId of people.slice(0, 10)) first.set(userId, 'offline');
      const ana = newId();
      first.set(ana, 'online');
      second.set(ana, 'away');
      await soon(() => {
        for (const [index, node] of [first, second].entries()) {
          expect(node.stateOf(ana)).toBe('online');
          for (const userId of [...people, ana]) {
            expect(seen[index]?.get(userId) ?? 'offline').toBe(node.stateOf(userId));
          }
        }
        expect(people.map((userId) => first.stateOf(userId))).toEqual(people.map((userId) => second.stateOf(userId)));
      });
      const before = calls;
      first.set(ana, 'online');
      first.set(newId(), 'offline');
      expect(calls).toBe(before);
    });

    test('[P1] what a node has said that is gone is forgotten, but not what another one says', async () => {
      const [first, second, third] = await nodes(3);
      const [ana, bob] = [newId(), newId()];
      for (const userId of [ana, bob]) first.set(userId, 'online');
      second.set(bob, 'away');
      await soon(() => expect([third.stateOf(ana), third.stateOf(bob)]).toEqual(['online', 'online']));
      await first.close();
      await soon(() => expect([third.stateOf(ana), third.stateOf(bob)]).toEqual(['offline', 'away']));
      expect(third.otherNodes()).toBe(1);
    });
  });
}
