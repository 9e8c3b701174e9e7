import { expect, test } from 'vitest';
import { openFloorRoom } from './room.ts';

const payload = JSON.stringify({ type: 'entry', body: 'x'.repeat(300) });

test.runIf(process.platform === 'linux')('every member of a room counts every message, once', async () => {
  for (const floor of ['ws', 'sockets', 'coalesced', 'stored'] as const) {
    const room = await openFloorRoom(2, payload, floor);
    try {
      await room.growTo(5);
      await room.growTo(12);
      const round = await room.fanOut(30, 4);
      expect(round.deliveries).toBe(30 * 12);
      expect(round.cpuMicrosPerDelivery).toBeGreaterThan(0);
      expect(await room.sampleDelivery()).toBe(payload);
    } finally {
      await room.close();
    }
  }
});
