import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followActivity } from './activity.ts';

const MINUTE = 60_000;

class FakePage extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible';

  turn(visibility: DocumentVisibilityState): void {
    this.visibilityState = visibility;
    this.dispatchEvent(new Event('visibilitychange'));
  }

  act(sign = 'keydown'): void {
    this.dispatchEvent(new Event(sign));
  }
}

let page: FakePage;
let told: boolean[];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  page = new FakePage();
  told = [];
  stop = followActivity(page, (active) => told.push(active));
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

test('whoever does nothing for five minutes is not there, until they move', () => {
  for (let minutes = 0; minutes < 20; minutes += 4) {
    vi.advanceTimersByTime(4 * MINUTE);
    page.act('pointermove');
  }
  expect(told).toEqual([true]);
  vi.advanceTimersByTime(5 * MINUTE - 1);
  expect(told).toEqual([true]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([true, false]);
  page.act();
  page.act();
  expect(told).toEqual([true, false, true]);
  vi.advanceTimersByTime(5 * MINUTE);
  expect(told).toEqual([true, false, true, false]);
});

test('a page that is out of sight for a minute has nobody at it, until it is looked at again', () => {
  page.turn('hidden');
  vi.advanceTimersByTime(MINUTE - 1);
  page.turn('visible');
  vi.advanceTimersByTime(4 * MINUTE);
  expect(told).toEqual([true]);
  page.turn('hidden');
  vi.advanceTimersByTime(MINUTE);
  expect(told).toEqual([true, false]);
  page.turn('visible');
  expect(told).toEqual([true, false, true]);
});

test('nothing is told any more once it was stopped', () => {
  stop();
  vi.advanceTimersByTime(10 * MINUTE);
  page.act();
  page.turn('hidden');
  expect(told).toEqual([true]);
  expect(vi.getTimerCount()).toBe(0);
});
