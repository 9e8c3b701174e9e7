import type { Services } from '../actions/services.ts';
import { HeartbeatWheel } from './heartbeat-wheel.ts';

/** Rule A2 promises 15 s while nothing tells the nodes of each other; the database may take its time to answer, too. */
const CHECK_EVERY_MS = 10_000;

/** A connection that lives as long as its session. */
export interface SessionBound {
  /** Null while nobody is signed in. */
  readonly sessionId: string | null;
  sessionEnded(): void;
}

/**
 * Looks up whether the sessions of the connections here still live, for ends that nobody told this node of: an entry
 * that was lost, a session that has reached its greatest age, a row that an administrator changed. Each is looked up
 * every 10 s, a fifteenth of them at a time, with one query for up to 500.
 */
export class SessionCheck {
  readonly #services: Pick<Services, 'store' | 'clock'>;
  readonly #wheel: HeartbeatWheel<SessionBound>;

  constructor(services: Pick<Services, 'store' | 'clock'>) {
    this.#services = services;
    this.#wheel = new HeartbeatWheel(CHECK_EVERY_MS, (connections) => {
      // Next time round, then: the comparison of heads logs that the database does not answer.
      this.check(connections).catch(() => undefined);
    });
  }

  /** Adds a connection; the function that comes back takes it out. */
  add(connection: SessionBound): () => void {
    return this.#wheel.add(connection);
  }

  stop(): void {
    this.#wheel.stop();
  }

  /** Looks some of them up now. @throws where the database does not answer */
  async check(connections: ReadonlySet<SessionBound>): Promise<void> {
    const bySession = new Map<string, SessionBound[]>();
    for (const connection of connections) {
      const { sessionId } = connection;
      if (sessionId === null) continue;
      const others = bySession.get(sessionId);
      if (others) others.push(connection);
      else bySession.set(sessionId, [connection]);
    }
    if (bySession.size === 0) return;
    const { store, clock } = this.#services;
    const ended = await store.findEndedSessions({ sessionIds: [...bySession.keys()], at: clock.now() });
    for (const id of ended) for (const connection of bySession.get(id) ?? []) connection.sessionEnded();
  }
}
