import '../bin/start-lean.js';

/** What `npm start` and a container run: `parley serve`. Imported late, so that it comes from the cache. */
const { runCommandLine } = await import('./cli/command-line.ts');
await runCommandLine(['serve']);
