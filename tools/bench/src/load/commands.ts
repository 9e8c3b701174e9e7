import type { CrowdCommands } from './crowd.ts';
import type { IngestCommands } from './ingest.ts';
import type { StormCommands } from './returning-crowd.ts';
import type { RoomsCommands } from './rooms.ts';

/** What the load generator can be asked to do: for each request, what it takes and what it answers. */
export type LoadCommands = CrowdCommands & IngestCommands & StormCommands & RoomsCommands;
