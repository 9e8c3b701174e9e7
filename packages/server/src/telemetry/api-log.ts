import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import type { Clock } from '../domain/clock.ts';
import type { Logger } from './logger.ts';

const FILE = 'api_requests.log';
const ROTATE_AT = '5M';
const KEPT = 5;

const GATHER_MS = 50;
const BATCH_CHARACTERS = 64 * 1_024;
const MOST_WAITING_CHARACTERS = 4 * 1_024 * 1_024;
const RETRY_MS = 1_000;

/** C0, C1, DEL, the two Unicode line ends, and the marks that reorder text on a screen. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const EVERY_UNSAFE = new RegExp(UNSAFE, 'gu');

interface ApiLogOptions {
  /** Made when it is missing. */
  readonly dir: string;
  readonly clock: Pick<Clock, 'now'>;
  /** Hears when the file cannot be written, once per outage. */
  readonly logger: Logger;
  readonly onDropped?: (lines: number) => void;
}

/**
 * One line per event of a socket or the API, in `api_requests.log`:
 * `2026-10-02 07:00:00,000 [INFO] [api_logger] [commands:130] - EVENT: text`, in UTC. The place is where an event of
 * this name was first logged from. Logging costs about a microsecond and never throws: lines are gathered for up to
 * 50 ms or 64 KiB, and while the disk does not take them, the newest above 4 MiB are dropped and counted.
 */
export class ApiLog {
  readonly #options: ApiLogOptions;
  readonly #places = new Map<string, string>();
  readonly #batches: string[] = [];
  #gathering = '';
  #waitingCharacters = 0;
  #dropped = 0;
  #second = Number.NaN;
  #secondText = '';
  #stream: RotatingFileStream | null = null;
  #timer: NodeJS.Timeout | null = null;
  #writing = false;
  #failing = false;
  #closed = false;
  #whenIdle: (() => void) | null = null;

  constructor(options: ApiLogOptions) {
    this.#options = options;
  }

  /** `event` is one of few fixed names; `text` may hold anything, and stays on its line. */
  info(event: string, text: string): void {
    this.#add('INFO', event, text, this.info);
  }

  warning(event: string, text: string): void {
    this.#add('WARNING', event, text, this.warning);
  }

  /** Writes what is waiting, unless the disk refuses it, and closes the file. Later lines are ignored. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#flush();
    if (this.#writing) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    const stream = this.#stream;
    if (stream) await new Promise<void>((resolve) => stream.once('close', resolve).end());
  }

  #add(level: 'INFO' | 'WARNING', event: string, text: string, method: ApiLog['info']): void {
    if (this.#closed) return;
    if (this.#waitingCharacters > MOST_WAITING_CHARACTERS) {
      this.#dropped++;
      this.#options.onDropped?.(1);
      return;
    }
    let place = this.#places.get(event);
    if (place === undefined) {
      place = placeOf(method);
      this.#places.set(event, place);
    }
    this.#gather(`${this.#time()} [${level}] [api_logger] [${place}] - ${oneLine(event)}: ${oneLine(text)}\n`);
  }

  #gather(line: string): void {
    this.#gathering += line;
    this.#waitingCharacters += line.length;
    if (this.#gathering.length >= BATCH_CHARACTERS) this.#flush();
    else if (!this.#writing) this.#flushIn(GATHER_MS);
  }

  #flushIn(millis: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, millis).unref();
  }

  #flush(): void {
    if (this.#gathering !== '') {
      this.#batches.push(this.#gathering);
      this.#gathering = '';
    }
    if (!this.#writing && !(this.#failing && this.#timer)) this.#writeNext();
  }

  #writeNext(): void {
    const batch = this.#batches[0];
    if (batch === undefined) {
      if (this.#gathering !== '' && !this.#closed) this.#flushIn(GATHER_MS);
      this.#whenIdle?.();
      return;
    }
    this.#writing = true;
    this.#stream ??= this.#open();
    this.#stream.write(batch, (error) => {
      this.#writing = false;
      if (error) this.#failed(error);
      else this.#written(batch);
    });
  }

  #written(batch: string): void {
    this.#batches.shift();
    this.#waitingCharacters -= batch.length;
    if (this.#failing) {
      this.#failing = false;
      this.#options.logger.info(`${FILE} can be written again.`);
    }
    if (this.#dropped > 0 && this.#waitingCharacters < MOST_WAITING_CHARACTERS / 2) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      this.warning('API LOG', `${dropped} lines were dropped because they could not be written in time.`);
    }
    this.#writeNext();
  }

  /** The batch stays first in line: some of it may be in the file already and will be there twice. */
  #failed(error: Error): void {
    this.#stream = null;
    if (!this.#failing) {
      this.#failing = true;
      this.#options.logger.error({ err: error, dir: this.#options.dir }, `${FILE} cannot be written: trying again.`);
    }
    this.#whenIdle?.();
    if (!this.#closed) this.#flushIn(RETRY_MS);
  }

  #open(): RotatingFileStream {
    const stream = createStream(FILE, { path: this.#options.dir, size: ROTATE_AT, rotate: KEPT, mode: 0o640 });
    // The write that failed hears of it too.
    stream.on('error', () => undefined);
    return stream;
  }

  #time(): string {
    const now = this.#options.clock.now();
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1_000).toISOString().slice(0, 19).replace('T', ' ');
    }
    return `${this.#secondText},${String(Math.floor(now) - second * 1_000).padStart(3, '0')}`;
  }
}

/** `file:line` of the call to the method, the file without folder and extension. */
function placeOf(method: ApiLog['info']): string {
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, method);
  const [, file, line] = /([^/\\]+)\.[a-z]+(?:\?[^:/]*)?:(\d+):\d+/.exec(trace.stack ?? '') ?? [];
  return file ? `${file}:${line}` : 'unknown:0';
}

function oneLine(text: string): string {
  return UNSAFE.test(text) ? text.replace(EVERY_UNSAFE, escapeCharacter) : text;
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}
