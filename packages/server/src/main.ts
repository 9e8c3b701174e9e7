import '../bin/start-lean.js';

/** `parley serve`, for those who start a module instead of a command. Imported late, so that it comes from the cache. */
const { runCommandLine } = await import('./cli/command-line.ts');
await runCommandLine(['serve']);
