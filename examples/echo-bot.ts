// Answers every message in the channels it is in: PARLEY_URL, BOT_USERNAME and BOT_PASSWORD say where and as whom.
import { createClient } from '@parley/client';

const { PARLEY_URL = 'http://localhost:8000', BOT_USERNAME = 'echo', BOT_PASSWORD = '' } = process.env;
const account = { username: BOT_USERNAME, password: BOT_PASSWORD };

const client = createClient({ url: PARLEY_URL });
const me = await client.signIn(account).catch(() => client.register(account));
const messages = client.messages();
await client.connect();
for await (const { channelId, authorId, body } of messages) {
  if (authorId !== me.id) void client.send(channelId, body);
}
