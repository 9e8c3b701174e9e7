import type { Progress } from '../storage/moving/move-database.ts';

const BAR_WIDTH = 24;
/** How often the bar of a terminal is drawn, and how often anything else gets a line. */
const DRAWN_EVERY_MS = 100;
const LINE_EVERY_MS = 3_000;
/** Before that, a rate says little. */
const RATE_AFTER_MS = 500;

const TO_LINE_START = '\r\u001b[K';

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Shows how far a long command is: a bar that moves on a terminal, and now and then a line elsewhere. */
export class ProgressBar implements Progress {
  readonly #output: Output;
  readonly #now: () => number;
  #what = '';
  #total = 0;
  #done = 0;
  #before = 0;
  #beganAt = 0;
  #shownAt = 0;
  #isOpen = false;

  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  begin(what: string, total: number, done: number): void {
    this.end();
    this.#what = what;
    this.#total = total;
    this.#done = done;
    this.#before = done;
    this.#beganAt = this.#now();
    this.#isOpen = true;
    this.#show();
  }

  advance(rows: number): void {
    this.#done += rows;
    const every = this.#output.isTTY ? DRAWN_EVERY_MS : LINE_EVERY_MS;
    if (this.#now() - this.#shownAt >= every) this.#show();
  }

  say(sentence: string): void {
    this.end();
    this.#output.write(`${sentence}\n`);
  }

  /** Shows where it stands for the last time; what comes next begins on a line of its own. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#show();
    if (this.#output.isTTY) this.#output.write('\n');
  }

  #show(): void {
    this.#shownAt = this.#now();
    const share = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total);
    const parts = [
      `${this.#what.padEnd(9)} ${String(Math.floor(share * 100)).padStart(3)} %`,
      `${this.#done.toLocaleString('en')} of ${this.#total.toLocaleString('en')} rows`,
      ...this.#speed(),
    ];
    if (!this.#output.isTTY) return void this.#output.write(`${parts.join(', ')}\n`);
    const full = Math.round(share * BAR_WIDTH);
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
    this.#output.write(`${TO_LINE_START}${bar} ${parts.join(', ')}`);
  }

  #speed(): string[] {
    const millis = this.#now() - this.#beganAt;
    const rows = this.#done - this.#before;
    if (millis < RATE_AFTER_MS || rows === 0) return [];
    const perSecond = rows / (millis / 1_000);
    const rate = `${Math.round(perSecond).toLocaleString('en')} rows/s`;
    const seconds = Math.ceil((this.#total - this.#done) / perSecond);
    return seconds > 0 ? [rate, `${duration(seconds)} left`] : [rate];
  }
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} min ${seconds % 60} s` : `${hours} h ${minutes % 60} min`;
}
