import { busContract } from './bus.contract.ts';
import { MemoryBus } from './memory-bus.ts';

busContract('memory', async (nodes) => {
  const bus = new MemoryBus();
  return Array.from({ length: nodes }, () => bus.connect());
});
