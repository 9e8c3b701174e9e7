import { Failure, type Message, type User } from '@parley/protocol';
import type { MessageToPost, Store } from '../../store.ts';

/** Posts messages one after the other, each until it is acknowledged, as a client's outbox does. */
export async function postUntilAcked(store: Store, messages: readonly MessageToPost[]): Promise<Message[]> {
  const acked: Message[] = [];
  for (const message of messages) acked.push(await ackOf(store, message));
  return acked;
}

async function ackOf(store: Store, message: MessageToPost): Promise<Message> {
  for (;;) {
    try {
      const [outcome] = await store.postMessages([message]);
      if (outcome && 'message' in outcome) return outcome.message;
      throw new Error(`A message was refused: ${JSON.stringify(outcome)}`);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'unavailable') throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Every message of a channel, read page by page. */
export async function everyMessage(store: Store, reader: User, channel: { id: string }): Promise<Message[]> {
  const found: Message[] = [];
  for (;;) {
    const after = found.at(-1)?.seq ?? 0;
    const { messages } = await store.listMessages({ userId: reader.id, channelId: channel.id, after, limit: 1_000 });
    if (messages.length === 0) return found;
    found.push(...messages);
  }
}
