import { MemoryPresence } from './memory-presence.ts';
import { presenceContract } from './presence.contract.ts';

presenceContract('memory', async (nodes) => {
  const presence = new MemoryPresence();
  return Array.from({ length: nodes }, () => presence.connect());
});
