#!/usr/bin/env node
import './require-node-24.js';
import './start-lean.js';
import { compileAhead } from './compile-ahead.js';

const [command = 'serve'] = process.argv.slice(2);
if (command === 'serve') compileAhead();

const { runCommandLine } = await import('../src/cli/command-line.ts');
await runCommandLine(process.argv.slice(2));
