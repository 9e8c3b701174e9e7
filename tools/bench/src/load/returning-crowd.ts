import type { AckedMessage } from './ingest.ts';
import { ReturningMember, type ReturningTarget } from './returning-member.ts';

export interface StormTarget extends ReturningTarget {
  readonly members: readonly {
    readonly token: string;
    /** Where they write, for those who do. */
    readonly writesTo: string | null;
  }[];
}

export interface Returns {
  /** Of those who came back: milliseconds from the kill until all that they had missed was there. */
  readonly millis: readonly number[];
  readonly neverReturned: number;
  /** Times that somebody said hello and was not welcomed, since the crowd was assembled. */
  readonly turnedAway: number;
}

export interface StormVerdict {
  readonly acked: readonly AckedMessage[];
  /** Sent again and again, and not acknowledged in the end. */
  readonly unacknowledged: number;
  /** Entries that came twice, too early or not at all. */
  readonly outOfOrder: number;
  /** Places in a log that somebody who follows it has not reached in the end. */
  readonly missing: number;
}

export interface StormCommands {
  /** Signs everybody in. */
  assemble: { input: StormTarget; answer: { members: number } };
  /** Lets those who write do so from now on, so many messages a second together, connected or not. */
  chat: { input: { rate: number }; answer: null };
  /** Waits until all have lost their connection after `killedAt` (Unix time in ms) and are back and caught up. */
  comeBack: { input: { killedAt: number; withinMs: number }; answer: Returns };
  /** Ends the writing, waits for what is under way, and says what came of everything. */
  conclude: { input: null; answer: StormVerdict };
}

const CONNECTING_AT_ONCE = 64;
const TICK_MS = 5;
const LOOK_EVERY_MS = 20;
const CONCLUDE_WITHIN_MS = 20_000;

/** People who come back by themselves after the server was lost, as the SDK does, and some of whom go on writing. */
export class ReturningCrowd {
  readonly #members: readonly ReturningMember[];
  #stopChat = () => {};

  private constructor(members: readonly ReturningMember[]) {
    this.#members = members;
  }

  static async assemble(target: StormTarget): Promise<ReturningCrowd> {
    const members: ReturningMember[] = [];
    for (let from = 0; from < target.members.length; from += CONNECTING_AT_ONCE) {
      const group = target.members.slice(from, from + CONNECTING_AT_ONCE);
      const joined = group.map(({ token, writesTo }) => new ReturningMember(target, token, writesTo));
      await until(30_000, () => joined.every((member) => member.isCaughtUp));
      members.push(...joined);
    }
    return new ReturningCrowd(members);
  }

  get size(): number {
    return this.#members.length;
  }

  chat(rate: number): void {
    const writers = this.#members.filter(({ writes }) => writes);
    const startedAt = performance.now();
    let next = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - startedAt) / 1_000) * rate;
      for (; next < due; next += 1) writers[next % writers.length]?.say();
    }, TICK_MS);
    this.#stopChat = () => clearInterval(timer);
  }

  async comeBack(killedAt: number, withinMs: number): Promise<Returns> {
    const isBack = (member: ReturningMember) => member.lostAt >= killedAt && member.isCaughtUp;
    await until(withinMs, () => this.#members.every(isBack));
    const back = this.#members.filter(isBack);
    return {
      millis: back.map(({ caughtUpAt }) => caughtUpAt - killedAt),
      neverReturned: this.#members.length - back.length,
      turnedAway: this.#members.reduce((sum, member) => sum + member.turnedAway, 0),
    };
  }

  async conclude(): Promise<StormVerdict> {
    this.#stopChat();
    await until(CONCLUDE_WITHIN_MS, () => this.#members.every(({ unacknowledged }) => unacknowledged === 0));
    await until(CONCLUDE_WITHIN_MS, () => this.#missing() === 0);
    const sum = (of: (member: ReturningMember) => number) => this.#members.reduce((all, one) => all + of(one), 0);
    return {
      acked: this.#members.flatMap(({ acked }) => acked),
      unacknowledged: sum(({ unacknowledged }) => unacknowledged),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      missing: this.#missing(),
    };
  }

  /** Entries that somebody has and others who follow the same log do not. */
  #missing(): number {
    const heads = new Map<string, number>();
    for (const { acked } of this.#members) {
      for (const { channelId, seq } of acked) heads.set(channelId, Math.max(seq, heads.get(channelId) ?? 0));
    }
    for (const { cursors } of this.#members) {
      for (const [stream, seq] of cursors) heads.set(stream, Math.max(seq, heads.get(stream) ?? 0));
    }
    let missing = 0;
    for (const { cursors } of this.#members) {
      for (const [stream, seq] of cursors) missing += (heads.get(stream) as number) - seq;
    }
    return missing;
  }
}

/** Waits until something holds, and no longer than so many milliseconds. */
async function until(withinMs: number, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!holds() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
