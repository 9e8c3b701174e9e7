import { newId } from '@parley/protocol';
import { expect, test } from 'vitest';
import { MemoryTail } from './memory-tail.ts';
import { message, tailContract } from './tail.contract.ts';

tailContract('memory', async () => {
  const tail = new MemoryTail();
  const node = { tail, append: tail.append.bind(tail) };
  return [node, node];
});

test('holds no more than it may, and forgets first what was not added to for the longest', async () => {
  const tail = new MemoryTail(1_000_000);
  const [idle, busy, ...others] = Array.from({ length: 40 }, () => newId()) as [string, string, ...string[]];
  const holds = async (stream: string, seq: number) => (await tail.read({ stream, after: seq - 1, to: seq })) !== null;
  const large = 'x'.repeat(8_000);
  tail.append([message(idle, 1, large)]);
  tail.append([message(busy, 1, large)]);
  for (const [index, stream] of others.entries()) {
    tail.append([message(stream, 1, large), message(stream, 2, large)]);
    tail.append([message(busy, index + 2, large)]);
  }
  expect(await holds(idle, 1)).toBe(false);
  expect(await holds(others[0] as string, 2)).toBe(false);
  expect(await holds(busy, others.length + 1)).toBe(true);
  expect(await holds(others.at(-1) as string, 1)).toBe(true);

  const held = await Promise.all([...others.map((stream) => holds(stream, 2))]);
  // Seventeen thousand bytes an entry; the busy one has as many as there are others.
  expect(held.filter(Boolean).length).toBeLessThan((1_000_000 - 39 * 17_000) / 34_000 + 1);
  expect(held.filter(Boolean).length).toBeGreaterThan(5);
});
