import type { PresenceState } from '@parley/protocol';
import { bestPresence } from '../domain/best-presence.ts';
import type { NodeMessage, States } from './node-message.ts';

/** Somebody who is there: whoever is offline is not kept. */
type Present = Exclude<PresenceState, 'offline'>;

interface OtherNode {
  people: Map<string, Present>;
  /** How many news of this node `people` contains; null until it has told all. */
  news: number | null;
  beat: number;
  heardAt: number;
  askedAt: number;
  /** Its answer, as far as it has come. */
  answer: { readonly news: number; readonly people: Map<string, Present>; parts: number } | null;
}

const ASK_EVERY_MS = 1_000;

/**
 * What the other nodes say, put together from messages that may be lost, late or repeated. A node that is not heard from
 * is forgotten, and so are its people. Times are milliseconds that never run backwards.
 */
export class OtherNodes {
  readonly #nodes = new Map<string, OtherNode>();
  readonly #forgetMs: number;
  readonly #onChange: (userIds: readonly string[]) => void;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(forgetMs: number, onChange: (userIds: readonly string[]) => void) {
    this.#forgetMs = forgetMs;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#nodes.size;
  }

  stateOf(userId: string): PresenceState {
    return bestPresence(this.#statesOf(userId));
  }

  /** Takes what a node says; true where something of it was missed, and it is to be asked for all. */
  hear(name: string, message: Exclude<NodeMessage, { kind: 'ask' }>, now: number): boolean {
    const node = this.#nodes.get(name);
    if (message.kind === 'beat') return this.#hearBeat(name, node, message, now);
    // Beats introduce a node: whatever else it says can be a repetition of what it said before it died.
    if (node === undefined) return false;
    if (message.kind === 'all') {
      this.#hearAnswer(node, message);
      return false;
    }
    if (node.news === null || message.news > node.news + 1) return mayAsk(node, now);
    if (message.news === node.news + 1) this.#hearNews(node, message);
    return false;
  }

  /** Forgets the nodes that have fallen silent. To be called several times in the time that forgetting takes. */
  sweep(now: number): void {
    // Whoever comes late has slept, and has not listened either.
    const hasSlept = now - this.#sweptAt > this.#forgetMs / 2;
    this.#sweptAt = now;
    for (const [name, node] of this.#nodes) {
      if (hasSlept) node.heardAt = now;
      if (now - node.heardAt < this.#forgetMs) continue;
      this.#nodes.delete(name);
      this.#onChange([...node.people.keys()]);
    }
  }

  *#statesOf(userId: string): Generator<PresenceState> {
    for (const { people } of this.#nodes.values()) yield people.get(userId) ?? 'offline';
  }

  #hearBeat(name: string, known: OtherNode | undefined, { beat, news }: { beat: number; news: number }, now: number) {
    if (known && beat <= known.beat) return false;
    const node = known ?? newcomer();
    if (!known) this.#nodes.set(name, node);
    node.beat = beat;
    node.heardAt = now;
    return node.news !== news && mayAsk(node, now);
  }

  #hearNews(node: OtherNode, message: States & { readonly news: number }): void {
    node.news = message.news;
    put(node.people, message);
    this.#onChange([...message.online, ...message.away, ...message.offline]);
  }

  #hearAnswer(node: OtherNode, { news, part, parts, ...states }: Extract<NodeMessage, { kind: 'all' }>): void {
    if (news < (node.news ?? 0)) return;
    if (part === 0) node.answer = { news, people: new Map(), parts: 0 };
    const { answer } = node;
    if (answer === null || answer.news !== news || answer.parts !== part) return;
    put(answer.people, states);
    answer.parts += 1;
    if (answer.parts < parts) return;
    const before = node.people;
    node.people = answer.people;
    node.news = news;
    node.answer = null;
    this.#onChange(differences(before, node.people));
  }
}

function newcomer(): OtherNode {
  const never = Number.NEGATIVE_INFINITY;
  return { people: new Map(), news: null, beat: 0, heardAt: never, askedAt: never, answer: null };
}

function differences(before: ReadonlyMap<string, Present>, after: ReadonlyMap<string, Present>): string[] {
  const found: string[] = [];
  for (const [userId, state] of after) if (before.get(userId) !== state) found.push(userId);
  for (const userId of before.keys()) if (!after.has(userId)) found.push(userId);
  return found;
}

function mayAsk(node: OtherNode, now: number): boolean {
  if (now - node.askedAt < ASK_EVERY_MS) return false;
  node.askedAt = now;
  return true;
}

function put(people: Map<string, Present>, { online, away, offline }: States): void {
  for (const userId of online) people.set(userId, 'online');
  for (const userId of away) people.set(userId, 'away');
  for (const userId of offline) people.delete(userId);
}
