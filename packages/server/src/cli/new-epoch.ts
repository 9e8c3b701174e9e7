import { existsSync } from 'node:fs';
import { newId } from '@parley/protocol';
import { type Config, readConfig } from '../config/config.ts';
import { StartError } from '../domain/start-error.ts';
import { describeDatabase, openStore } from '../storage/open-store.ts';
import { openPrompt } from './prompt.ts';
import { tellWaiting } from './tell-waiting.ts';
import { UsageError } from './usage-error.ts';

/**
 * Gives the database a new epoch: what clients have seen of the old one means nothing from then on, so they load
 * everything anew. Refused while a server uses the database, since it would go on with the old one.
 */
export async function newEpoch({ yes }: { readonly yes?: boolean }, env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env);
  const place = describeDatabase(config.storage);
  requireFile(config.storage);
  if (!yes) await askFirst(place);
  const store = await openStore(config, {
    alone: true,
    onWaiting: tellWaiting,
  });
  try {
    await store.startEpoch({ epoch: newId() });
  } finally {
    await store.close();
  }
  process.stdout.write(`The database ${place} has a new epoch: clients load everything anew.\n`);
}

/** Elsewhere a database that is missing is made; here it is a mistyped path. */
function requireFile({ postgresUrl, sqlitePath }: Config['storage']): void {
  if (postgresUrl !== undefined || existsSync(sqlitePath)) return;
  throw new StartError(`There is no database ${sqlitePath}. Put the backup in place first.`);
}

async function askFirst(place: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError('Without a terminal to ask at, give --yes.');
  }
  const prompt = openPrompt(process.stdin, process.stdout);
  try {
    const answer = await prompt.ask(`Every client of ${place} will load everything anew. Type yes to go on: `);
    if (answer.trim().toLowerCase() !== 'yes') throw new StartError('Nothing was changed.');
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw new StartError('Nothing was changed.');
    throw error;
  } finally {
    prompt.close();
  }
}
