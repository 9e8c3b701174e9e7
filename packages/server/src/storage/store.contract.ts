import { afterAll, beforeAll, describe } from 'vitest';
import { accountsContract } from './contract/accounts.contract.ts';
import { channelsContract } from './contract/channels.contract.ts';
import { factsContract } from './contract/facts.contract.ts';
import { logsContract } from './contract/logs.contract.ts';
import { membersContract } from './contract/members.contract.ts';
import { messagesContract } from './contract/messages.contract.ts';
import { readingContract } from './contract/reading.contract.ts';
import { sessionsContract } from './contract/sessions.contract.ts';
import { Cast, type OpenedStore } from './test/cast.ts';

/** What every engine's store must do; `open` opens an empty database. */
export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} keeps the store's contract:`, () => {
    let opened: OpenedStore;
    let shared: Cast;
    beforeAll(async () => {
      opened = await open();
      shared = new Cast(opened.store);
    });
    afterAll(() => opened.close());

    const cast = () => shared;
    accountsContract(cast, open);
    sessionsContract(cast);
    factsContract(cast, open);
    channelsContract(cast);
    membersContract(cast);
    messagesContract(cast, open);
    readingContract(cast);
    logsContract(cast, open);
  });
}
