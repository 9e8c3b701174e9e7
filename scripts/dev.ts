import { type ChildProcess, spawn } from 'node:child_process';

/** The server, restarted when a file of it changes, and Vite's own server, which sends the API calls on to it. */
const children: ChildProcess[] = [
  spawn(process.execPath, ['--watch', 'packages/server/src/main.ts'], {
    stdio: 'inherit',
    env: { LOG_FORMAT: 'pretty', PARLEY_DEBUG: '1', PARLEY_ALLOWED_ORIGINS: 'http://localhost:5173', ...process.env },
  }),
  spawn('npm', ['run', 'dev', '--workspace', 'packages/web'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  }),
];

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}
for (const child of children) {
  child.on('exit', (code) => {
    process.exitCode ??= code ?? 1;
    for (const other of children) other.kill();
  });
}
