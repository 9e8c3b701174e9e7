import { readConfig } from '../config/config.ts';
import { describeDatabase, openStore } from '../storage/open-store.ts';
import { tellWaiting } from './tell-waiting.ts';

/** Brings the database up to date, as a start of the server does too, and stops. */
export async function migrate(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env);
  const store = await openStore(config, { onWaiting: tellWaiting });
  await store.close();
  process.stdout.write(`The database ${describeDatabase(config.storage)} is up to date.\n`);
}
