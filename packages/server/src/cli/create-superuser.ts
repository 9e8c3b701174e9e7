import { text } from 'node:stream/consumers';
import { DisplayName, Failure, newId, Password, Username } from '@parley/protocol';
import { createPasswords } from '../auth/passwords.ts';
import { readConfig } from '../config/config.ts';
import { assertStrongPassword } from '../domain/password-rules.ts';
import { StartError } from '../domain/start-error.ts';
import { openStore } from '../storage/open-store.ts';
import type { Store } from '../storage/store.ts';
import { openPrompt, type Prompt } from './prompt.ts';
import { tellWaiting } from './tell-waiting.ts';
import { UsageError } from './usage-error.ts';

interface Options {
  readonly username?: string;
  readonly 'display-name'?: string;
  readonly password?: string;
  readonly 'password-stdin'?: boolean;
  readonly promote?: boolean;
}

/**
 * Creates an account that owns the workspace, or with `promote` makes an existing one an owner. On a terminal it asks
 * for what the options leave out. The server may be running meanwhile.
 */
export async function createSuperuser(options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  if (options.password !== undefined && options['password-stdin']) {
    throw new UsageError('Give --password or --password-stdin, not both.');
  }
  const config = readConfig(env);
  const prompt = process.stdin.isTTY && process.stdout.isTTY ? openPrompt(process.stdin, process.stdout) : null;
  try {
    const username = await usernameFrom(options, prompt);
    const store = await openStore(config, { onWaiting: tellWaiting });
    try {
      await createOrPromote(store, username, options, prompt);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw new StartError('Nothing was changed.');
    throw error;
  } finally {
    prompt?.close();
  }
}

async function createOrPromote(store: Store, username: string, options: Options, prompt: Prompt | null): Promise<void> {
  if (await store.findCredentials({ username })) {
    if (!options.promote) {
      throw new StartError(`There is already an account called ${username}. To make it an owner, add --promote.`);
    }
    const user = await store.promoteToOwner({ username, at: Date.now() });
    process.stdout.write(`${user.username} is now an owner of the workspace. The password stays as it was.\n`);
    return;
  }
  const displayName = valid(DisplayName, options['display-name'] ?? username, 'The display name');
  const password = await passwordFrom(options, username, prompt);
  const passwordHash = await createPasswords().hash(password);
  const user = await store.registerUser({
    id: newId(),
    username,
    displayName,
    passwordHash,
    owner: true,
    at: Date.now(),
  });
  process.stdout.write(`${user.username} is an owner of the workspace and can sign in.\n`);
}

async function usernameFrom(options: Options, prompt: Prompt | null): Promise<string> {
  if (options.username !== undefined) return valid(Username, options.username, 'The username');
  if (!prompt) throw new UsageError('Without a terminal to ask at, give --username and --password-stdin.');
  return untilValid(prompt, async () => valid(Username, await prompt.ask('Username: '), 'The username'));
}

async function passwordFrom(options: Options, username: string, prompt: Prompt | null): Promise<string> {
  const acceptable = (password: string) => {
    const accepted = valid(Password, password, 'The password');
    assertStrongPassword(accepted, username);
    return accepted;
  };
  if (options.password !== undefined) return acceptable(options.password);
  if (options['password-stdin']) return acceptable((await text(process.stdin)).replace(/\r?\n$/, ''));
  if (!prompt) throw new UsageError('Without a terminal to ask at, give --password-stdin.');
  return untilValid(prompt, async () => {
    const password = acceptable(await prompt.askHidden('Password (not shown): '));
    if (password === (await prompt.askHidden('The same again: '))) return password;
    throw new StartError('The two are not the same.');
  });
}

/** Asks until the answer is good, saying each time what is wrong with it. */
async function untilValid(prompt: Prompt, read: () => Promise<string>): Promise<string> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      const canBeMended = error instanceof UsageError || error instanceof StartError || error instanceof Failure;
      if (!canBeMended) throw error;
      prompt.say(error.message);
    }
  }
}

type Schema = typeof Username | typeof Password | typeof DisplayName;

function valid(schema: Schema, given: string, what: string): string {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new UsageError(`${what} ${result.error.issues.map((issue) => issue.message).join(', and ')}.`);
}
