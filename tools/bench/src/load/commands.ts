import type { CrowdCommands } from './crowd.ts';
import type { IngestCommands } from './ingest.ts';

/** What the load generator can be asked to do: for each request, what it takes and what it answers. */
export type LoadCommands = CrowdCommands & IngestCommands;
