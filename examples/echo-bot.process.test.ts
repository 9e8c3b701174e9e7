import { spawn } from 'node:child_process';
import { createClient } from '@parley/client';
import { newId } from '@parley/protocol';
import { expect, test } from 'vitest';
import { startTestServer } from '../packages/server/src/test/test-server.ts';

test('the echo bot answers what people say in its channels, and not itself', async () => {
  const server = await startTestServer();
  const password = 'a long enough passphrase';
  const username = `bot${newId().slice(-12)}`;
  const bot = spawn(process.execPath, ['examples/echo-bot.ts'], {
    env: { ...process.env, PARLEY_URL: server.url, BOT_USERNAME: username, BOT_PASSWORD: password },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ana = createClient({ url: server.url });
  try {
    const me = await ana.register({ username: 'ana', password });
    await ana.connect();
    const arrives = { timeout: 20_000, interval: 20 };
    await expect
      .poll(() => [...(ana.getState()?.users.values() ?? [])].map((user) => user.username), arrives)
      .toContain(username);
    const channel = await ana.rest.createChannel({ body: { name: 'echo', kind: 'private', members: [username] } });
    const messages = ana.messages();
    await ana.send(channel.id, 'hello?');
    await ana.send(channel.id, 'anybody?');
    const heard: string[] = [];
    for await (const { authorId, body } of messages) {
      if (authorId !== me.id) heard.push(body);
      if (heard.length === 2) break;
    }
    expect(heard).toEqual(['hello?', 'anybody?']);
  } finally {
    ana.disconnect();
    bot.kill();
    await server.close();
  }
});
