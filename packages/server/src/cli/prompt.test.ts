import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { openPrompt } from './prompt.ts';

test('what is typed at a hidden question never reaches the screen', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const prompt = openPrompt(input, output);

  const name = prompt.ask('Username: ');
  input.write('alice\n');
  expect(await name).toBe('alice');
  const password = prompt.askHidden('Password: ');
  input.write('correct horse\n');
  expect(await password).toBe('correct horse');

  prompt.close();
  output.end();
  const screen = await text(output);
  expect(screen).toContain('Username: ');
  expect(screen).toContain('alice');
  expect(screen).toContain('Password: ');
  expect(screen).not.toContain('horse');
});

test('the end of the input ends the question', async () => {
  const input = new PassThrough();
  const prompt = openPrompt(input, new PassThrough());
  const answer = prompt.ask('Username: ');
  input.end();
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
});
