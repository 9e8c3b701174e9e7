import { newId, type PresenceState } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryPresence } from '../presence/memory-presence.ts';
import { PresenceBoard } from './presence-board.ts';
import { Listener } from './test/listener.ts';

type States = Readonly<Record<string, PresenceState>>;

/** The far end of a connection, and whether it takes anything just now. */
class Screen extends Listener {
  hasBacklog = false;
  readonly chunks: Buffer[] = [];

  override write(chunk: Buffer): void {
    this.chunks.push(chunk);
    super.write(chunk);
  }

  /** What it was told, a frame each. */
  get told(): States[] {
    return this.frames.flatMap((frame) => (frame.type === 'presence' ? [frame.states] : []));
  }
}

const [ANA, BOB, EVA] = [newId(), newId(), newId()];

function aBoard() {
  const presence = new MemoryPresence().connect();
  const board = new PresenceBoard(presence);
  const watching = (...userIds: string[]) => {
    const screen = new Screen();
    board.watch(screen, userIds);
    board.show(screen);
    return screen;
  };
  return { presence, board, watching };
}

/** Lets time pass, and what happens in it. */
const pass = (millis: number) => vi.advanceTimersByTimeAsync(millis);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('[P1] who is told of whom', () => {
  test('whoever watches is told of all at once, and then of each change, within half a second', async () => {
    const { presence, watching } = aBoard();
    presence.set(ANA, 'online');
    const screen = watching(ANA, BOB, ANA);
    expect(screen.told).toEqual([{ [ANA]: 'online', [BOB]: 'offline' }]);
    presence.set(BOB, 'away');
    presence.set(EVA, 'online');
    await pass(450);
    expect(screen.told.slice(1)).toEqual([{ [BOB]: 'away' }]);
  });

  test('changes are gathered: a connection is told at most once in 400 ms, and only how it is now', async () => {
    const { presence, watching } = aBoard();
    const screen = watching(ANA, BOB);
    for (let step = 0; step < 100; step += 1) {
      presence.set(ANA, step % 2 ? 'away' : 'online');
      presence.set(BOB, step % 3 ? 'online' : 'offline');
      await pass(20);
    }
    await pass(400);
    expect(screen.told.length).toBeLessThanOrEqual(1 + 1 + Math.ceil(2_000 / 400));
    expect(Object.assign({}, ...screen.told)).toEqual({ [ANA]: 'away', [BOB]: 'offline' });
    const before = screen.told.length;
    presence.set(ANA, 'offline');
    presence.set(ANA, 'away');
    await pass(1_000);
    expect(screen.told.length).toBe(before);
  });

  test('a list takes the place of the one before, and an empty one ends it', async () => {
    const { presence, board, watching } = aBoard();
    const screen = watching(ANA, BOB);
    board.watch(screen, [BOB, EVA]);
    board.show(screen);
    expect(screen.told[1]).toEqual({ [BOB]: 'offline', [EVA]: 'offline' });
    for (const userId of [ANA, BOB, EVA]) presence.set(userId, 'online');
    await pass(450);
    expect(screen.told.slice(2)).toEqual([{ [BOB]: 'online', [EVA]: 'online' }]);
    board.watch(screen, []);
    board.show(screen);
    for (const userId of [ANA, BOB, EVA]) presence.set(userId, 'away');
    await pass(1_000);
    expect(screen.told.length).toBe(3);
    board.watch(screen, [ANA]);
    board.show(screen);
    expect(screen.told[3]).toEqual({ [ANA]: 'away' });
  });

  test('a connection with a backlog is passed over, holds up nobody, and is told the latest when it can take it', async () => {
    const { presence, board, watching } = aBoard();
    const [slow, quick] = [watching(ANA, BOB), watching(ANA, BOB)];
    slow.hasBacklog = true;
    for (const state of ['online', 'away', 'online', 'offline', 'away'] as const) {
      presence.set(ANA, state);
      await pass(500);
    }
    presence.set(BOB, 'online');
    await pass(500);
    expect(slow.told.length).toBe(1);
    expect(quick.told.length).toBe(7);
    slow.hasBacklog = false;
    await pass(450);
    expect(slow.told.slice(1)).toEqual([{ [ANA]: 'away', [BOB]: 'online' }]);

    const late = new Screen();
    late.hasBacklog = true;
    board.watch(late, [ANA]);
    board.show(late);
    await pass(1_000);
    expect(late.told).toEqual([]);
    late.hasBacklog = false;
    await pass(450);
    expect(late.told).toEqual([{ [ANA]: 'away' }]);
  });

  test('what is the same for many is made once', async () => {
    const { presence, watching } = aBoard();
    const screens = Array.from({ length: 50 }, () => watching(ANA, BOB));
    presence.set(ANA, 'online');
    presence.set(BOB, 'away');
    await pass(450);
    expect(new Set(screens.map(({ chunks }) => chunks[1])).size).toBe(1);
    expect(screens[0]?.told[1]).toEqual({ [ANA]: 'online', [BOB]: 'away' });
  });

  test('a great many changes leave turns to others', async () => {
    const { presence, watching } = aBoard();
    const people = Array.from({ length: 200 }, () => newId());
    const screens = Array.from({ length: 100 }, () => watching(...people));
    const begins = vi.spyOn(presence, 'stateOf');
    for (const userId of people) presence.set(userId, 'online');
    vi.advanceTimersByTime(450);
    expect(begins).toHaveBeenCalled();
    let turns = 0;
    const areTold = () => screens.every(({ told }) => told.length === 2);
    for (; !areTold(); turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(turns).toBeGreaterThanOrEqual(10);
    expect(screens.map(({ told }) => Object.keys(told[1] ?? {}).length)).toEqual(screens.map(() => 200));
  });

  test('whoever has left is told nothing more, and nobody is kept for them', async () => {
    const { presence, board, watching } = aBoard();
    const screen = watching(ANA);
    presence.set(ANA, 'online');
    board.leave(screen);
    board.show(screen);
    await pass(1_000);
    expect(screen.told.length).toBe(1);
    const asked = vi.spyOn(presence, 'stateOf');
    presence.set(ANA, 'away');
    await pass(1_000);
    expect(asked).not.toHaveBeenCalled();
  });
});
