import { serveRequests } from '../subjects/bench-worker.ts';
import type { LoadCommands } from './commands.ts';
import { Crowd } from './crowd.ts';
import { Ingest } from './ingest.ts';
import { ReturningCrowd } from './returning-crowd.ts';
import { Rooms } from './rooms.ts';

// The load generator: a process of its own, so that its work is never counted as the server's.

let crowd: Crowd | null = null;
let ingest: Ingest | null = null;
let returning: ReturningCrowd | null = null;
let rooms: Rooms | null = null;

function required<T>(value: T | null): T {
  if (value === null) throw new Error('The generator has no target yet.');
  return value;
}

serveRequests<LoadCommands>({
  aim(target) {
    crowd = new Crowd(target);
    return null;
  },
  async gather({ tokens }) {
    await required(crowd).gather(tokens);
    return { members: required(crowd).size };
  },
  sampleDelivery: () => required(crowd).sampleDelivery,
  fanOut: ({ messages, inFlight, verify }) => required(crowd).fanOut(messages, inFlight, verify),

  async signIn(target) {
    ingest = await Ingest.signIn(target);
    return null;
  },
  saturate: ({ seconds, inFlight }) => required(ingest).saturate(seconds, inFlight),
  saturateUntilClosed: ({ inFlight }) => required(ingest).saturateUntilClosed(inFlight),
  pace: ({ seconds, rate }) => required(ingest).pace(seconds, rate),

  async assemble(target) {
    returning = await ReturningCrowd.assemble(target);
    return { members: returning.size };
  },
  chat({ rate }) {
    required(returning).chat(rate);
    return null;
  },
  comeBack: ({ killedAt, withinMs }) => required(returning).comeBack(killedAt, withinMs),
  conclude: () => required(returning).conclude(),

  async furnish(target) {
    rooms = await Rooms.furnish(target);
    return { readers: rooms.readers };
  },
  converse: ({ seconds, rate }) => required(rooms).converse(seconds, rate),
});
