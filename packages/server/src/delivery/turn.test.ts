import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Sink, Turn } from './turn.ts';

afterEach(() => vi.useRealTimers());

function sink(flush: () => void): Sink {
  return { write() {}, pass() {}, flush };
}

describe('the end of a turn', () => {
  test('is waited for once, however many have something to write', () => {
    vi.useFakeTimers();
    const turn = new Turn();
    const written: string[] = [];
    for (const name of ['a', 'b', 'c']) turn.addSink(sink(() => written.push(name)));
    turn.addGathering({ handOver: (how) => written.unshift(how) });
    expect(vi.getTimerCount()).toBe(1);
    vi.runAllTimers();
    expect([written[0], written.slice(1).toSorted()]).toEqual(['pass', ['a', 'b', 'c']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('brings together what several have gathered, and counts nobody twice', () => {
    vi.useFakeTimers();
    const turn = new Turn();
    const said: string[] = [];
    const north = { handOver: (how: string) => said.push(`north: ${how}`) };
    const south = { handOver: (how: string) => said.push(`south: ${how}`) };
    for (const gathering of [north, north]) turn.addGathering(gathering);
    vi.runAllTimers();
    for (const gathering of [north, south, north]) turn.addGathering(gathering);
    vi.runAllTimers();
    expect(said).toEqual(['north: pass', 'north: write', 'south: write']);
  });

  test('leaves nobody waiting for ever where one of them fails', () => {
    vi.useFakeTimers();
    const turn = new Turn();
    const written: string[] = [];
    const broken = () => {
      throw new Error('This one is broken.');
    };
    for (const name of ['a', 'b']) turn.addSink(sink(() => written.push(name)));
    turn.addSink(sink(broken));
    turn.addSink(sink(() => written.push('c')));
    turn.addGathering({ handOver: broken });
    turn.addGathering({ handOver: () => written.push('north') });
    expect(() => vi.runAllTimers()).toThrow('broken');
    expect(() => vi.runAllTimers()).toThrow('broken');
    vi.runAllTimers();
    expect(written.toSorted()).toEqual(['a', 'b', 'c', 'north']);
    turn.addSink(sink(() => written.push('later')));
    vi.runAllTimers();
    expect(written).toContain('later');
  });

  test('is followed by another for what comes while it is written', () => {
    vi.useFakeTimers();
    const turn = new Turn();
    const written: string[] = [];
    const answer = sink(() => written.push('answer'));
    turn.addGathering({ handOver: () => turn.addSink(answer) });
    turn.addSink(sink(() => turn.addGathering({ handOver: () => written.push('news') })));
    vi.runAllTimers();
    expect(written).toEqual(['answer', 'news']);
  });
});
