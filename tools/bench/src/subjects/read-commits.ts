import type { ParleyServer } from './parley-server.ts';

/** How many messages the server has committed so far, in how many commits, as its own metrics say. */
export async function readCommits(server: ParleyServer): Promise<{ messages: number; commits: number }> {
  const metrics = await server.readMetrics();
  const read = (name: string) => {
    const value = new RegExp(`^parley_commit_batch_messages_${name} (\\S+)$`, 'm').exec(metrics)?.[1];
    if (value === undefined) throw new Error('The server does not tell how large its commits are.');
    return Number(value);
  };
  return { messages: read('sum'), commits: read('count') };
}
