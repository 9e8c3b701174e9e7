import type { Ok, Pull, UpFrame } from '@parley/protocol';
import { markRead } from '../actions/mark-read.ts';
import { readLog } from '../actions/read-log.ts';
import { sendMessage } from '../actions/send-message.ts';
import type { Services } from '../actions/services.ts';
import type { Actor } from '../domain/actor.ts';

/** The frames that a signed-in client may send, beside those about the connection itself. */
export type Command = Exclude<UpFrame, { type: 'hello' | 'watch' | 'active' | 'auth' | 'ping' }>;

// A page of a log must fit into one frame; its envelope takes little.
const MOST_PAGE_BYTES = 60 * 1024;

/** Carries out one command and returns its answer. Refusals are thrown. */
export async function carryOut(services: Services, actor: Actor, command: Command): Promise<Ok> {
  const { ref } = command;
  switch (command.type) {
    case 'send': {
      const { message } = await sendMessage(services, actor, command, 'socket');
      return { type: 'ok', ref, id: message.id, stream: message.channelId, seq: message.seq };
    }
    case 'read': {
      const { seq } = await markRead(services, actor, command.channelId, command.seq);
      return { type: 'ok', ref, stream: command.channelId, seq };
    }
    case 'pull':
      return { type: 'ok', ref, ...(await pull(services, actor, command)) };
    default:
      return command satisfies never;
  }
}

async function pull(services: Services, actor: Actor, { stream, after, limit }: Pull) {
  const { entries, head } = await readLog(services, actor, { stream, after, limit });
  let bytes = 0;
  let fitting = 0;
  for (const entry of entries) {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (fitting > 0 && bytes > MOST_PAGE_BYTES) break;
    fitting += 1;
  }
  return { stream, entries: entries.slice(0, fitting), head };
}
