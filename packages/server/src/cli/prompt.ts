import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

export interface Prompt {
  ask(question: string): Promise<string>;
  /** The same, without showing what is typed. */
  askHidden(question: string): Promise<string>;
  say(sentence: string): void;
  close(): void;
}

/** Asks somebody at a terminal, one line at a time. Ctrl-C and the end of the input reject with an AbortError. */
export function openPrompt(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Prompt {
  let hidden = false;
  const screen = new Writable({
    write(chunk, _encoding, done) {
      if (!hidden) output.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input, output: screen, terminal: true, historySize: 0 });
  const abort = new AbortController();
  lines.once('SIGINT', () => abort.abort());
  lines.once('close', () => abort.abort());
  return {
    ask: (question) => lines.question(question, { signal: abort.signal }),
    async askHidden(question) {
      output.write(question);
      hidden = true;
      try {
        return await lines.question('', { signal: abort.signal });
      } finally {
        hidden = false;
        output.write('\n');
      }
    },
    say: (sentence) => void output.write(`${sentence}\n`),
    close: () => lines.close(),
  };
}
