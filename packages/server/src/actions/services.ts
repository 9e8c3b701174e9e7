import type { Passwords } from '../auth/passwords.ts';
import type { SpentTokens } from '../auth/spent-tokens.ts';
import type { Tokens } from '../auth/tokens.ts';
import type { Clock } from '../domain/clock.ts';
import type { MessagePoster } from '../storage/message-poster.ts';
import type { Store } from '../storage/store.ts';
import type { RecentTail } from '../tail/recent-tail.ts';
import type { ApiLog } from '../telemetry/api-log.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Limit, Throttle } from '../throttle/throttle.ts';

/** What the actions work with. Each one asks for the few of these that it uses. */
export interface Services {
  readonly store: Store;
  readonly poster: Pick<MessagePoster, 'post'>;
  readonly tail: RecentTail;
  readonly throttle: Throttle;
  /** A limit that is null is off. */
  readonly limits: {
    readonly messages: Limit | null;
    readonly signIn: Limit | null;
    readonly register: Limit | null;
  };
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly spentTokens: Pick<SpentTokens, 'add' | 'has'>;
  readonly sessionTtlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly apiLog: Pick<ApiLog, 'info' | 'warning'>;
  readonly metrics: Metrics;
  /** How many connections of this node follow a stream. */
  readonly audience: (stream: string) => number;
}
