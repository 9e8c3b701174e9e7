import { Duplex } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { Turn } from '../delivery/turn.ts';
import { MOST_WAITING_BYTES, SocketWriter } from './socket-writer.ts';

/** A socket whose peer takes what is written, unless it is stuck. */
function aSocket({ isStuck = false } = {}) {
  const taken: string[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      taken.push(chunk.length > 100 ? `${chunk.length} bytes` : chunk.toString());
      if (!isStuck) done();
    },
  });
  const onError = vi.fn();
  socket.on('error', onError);
  const onTooSlow = vi.fn();
  return { socket, taken, onError, onTooSlow, writer: new SocketWriter(socket, new Turn(), onTooSlow) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a socket writer', () => {
  test('passes a piece on at once where nothing waits, and behind the others where something does', async () => {
    const { writer, taken } = aSocket();
    writer.pass(Buffer.from('a'));
    expect(taken).toEqual(['a']);
    writer.write(Buffer.from('b'));
    writer.pass(Buffer.from('c'));
    writer.write(Buffer.from('d'));
    expect(taken).toEqual(['a']);
    await turn();
    expect(taken).toEqual(['a', 'bcd']);
  });

  test.each(['write', 'pass'] as const)('[D1] after a piece that was too much to %s, none goes out', async (how) => {
    const { writer, socket, taken, onTooSlow } = aSocket({ isStuck: true });
    writer.pass(Buffer.alloc(MOST_WAITING_BYTES - 10));
    expect(onTooSlow).not.toHaveBeenCalled();
    writer[how](Buffer.alloc(11));
    // Not from within: the caller is in the midst of writing to many.
    expect(onTooSlow).not.toHaveBeenCalled();
    writer.pass(Buffer.from('a'));
    writer.write(Buffer.from('b'));
    await turn();
    expect([onTooSlow.mock.calls.length, taken.length, socket.writableLength]).toEqual([1, 1, MOST_WAITING_BYTES - 10]);
    expect(await writer.drained()).toBe(false);
  });

  test.each(['write', 'pass'] as const)('does not %s to a socket that has ended', async (how) => {
    const { writer, socket, taken, onError } = aSocket();
    socket.end();
    writer[how](Buffer.from('a'));
    await turn();
    expect([taken, onError.mock.calls]).toEqual([[], []]);
  });
});
