#!/usr/bin/env node
import './require-node-24.js';
import './start-lean.js';

const { runCommandLine } = await import('../src/cli/command-line.ts');
await runCommandLine(process.argv.slice(2));
