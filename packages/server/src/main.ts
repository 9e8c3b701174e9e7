import { runCommandLine } from './cli/command-line.ts';

/** What `npm start` and a container run: `parley serve`. */
await runCommandLine(['serve']);
